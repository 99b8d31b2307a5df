"""Keys, signing requests and certificates of a device: made, read and checked. No I/O.

The library `cryptography` is imported when it is used: the daemon does not need it.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from edged.errors import CertificateError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, Name


class CertificateFacts(Struct, frozen=True, kw_only=True):
    """What a certificate says.

    Attributes:
        name: the common name of its subject.
        issuer: the common name of its issuer.
        serial: the serial number, in hexadecimal.
        not_before: the beginning of its validity, RFC 3339.
        not_after: the end of its validity, RFC 3339.
        days_left: whole days from now to `not_after`; negative if it has expired.
    """

    name: str
    issuer: str
    serial: str
    not_before: str
    not_after: str
    days_left: int


def generate_key() -> bytes:
    """Return a new private key for elliptic curves (P-256), as PEM without a passphrase.

    Raises:
        CertificateError: the library `cryptography` is not installed.
    """
    _require_library()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def make_request(key_pem: bytes, name: str) -> bytes:
    """Return a signing request for a key, as PEM.

    Args:
        key_pem: the private key.
        name: the common name to ask for.

    Raises:
        CertificateError: the key cannot be read, or the name is too long for a certificate.
    """
    _require_library()
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    try:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        key = serialization.load_pem_private_key(key_pem, None)
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        request = builder.sign(key, hashes.SHA256())  # type: ignore[arg-type]  # any kind of key that signs
    except (ValueError, TypeError) as error:
        raise CertificateError(f"no signing request can be made: {error}") from error
    return request.public_bytes(serialization.Encoding.PEM)


def load_certificates(pem: bytes) -> list["Certificate"]:
    """Return the certificates in a PEM file, in its order.

    Raises:
        CertificateError: there is none, or one is damaged.
    """
    _require_library()
    from cryptography import x509

    if b"PRIVATE KEY" in pem:
        raise CertificateError("it contains a private key: a certificate is expected")
    if b"CERTIFICATE REQUEST" in pem:
        raise CertificateError("it is a signing request: a certificate is expected")
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateError(f"it is not a certificate in PEM: {error}") from error


def describe(certificate: "Certificate", now: datetime | None = None) -> CertificateFacts:
    """Return what a certificate says.

    Args:
        certificate: the certificate.
        now: the time from which days are counted; None to read the clock.
    """
    left = certificate.not_valid_after_utc - (now or datetime.now(UTC))
    return CertificateFacts(
        name=common_name(certificate.subject),
        issuer=common_name(certificate.issuer),
        serial=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc.isoformat(),
        not_after=certificate.not_valid_after_utc.isoformat(),
        days_left=left.days,
    )


def belongs_to_key(certificate: "Certificate", key_pem: bytes) -> bool:
    """Return whether a certificate is for this private key.

    Raises:
        CertificateError: the key cannot be read.
    """
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_private_key(key_pem, None)
    except (ValueError, TypeError) as error:
        raise CertificateError(f"the private key cannot be read: {error}") from error
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return certificate.public_key().public_bytes(*form) == key.public_key().public_bytes(*form)


def check_dates(certificate: "Certificate", now: datetime | None = None) -> None:
    """Check that a certificate is valid now.

    Args:
        certificate: the certificate.
        now: the time; None to read this device's clock.

    Raises:
        CertificateError: it is not.
    """
    moment = now or datetime.now(UTC)
    clock = f"this device's clock says {moment:%Y-%m-%d %H:%M} UTC"
    name = common_name(certificate.subject)
    if moment < certificate.not_valid_before_utc:
        begin = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        raise CertificateError(f'"{name}" is valid from {begin}, and {clock}: set the clock')
    if moment > certificate.not_valid_after_utc:
        end = f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        raise CertificateError(f'"{name}" has expired at {end}; {clock}: renew it')


def common_name(name: "Name") -> str:
    """Return the common name in the name of a certificate's subject or issuer; "" if there is none."""
    from cryptography import x509

    found = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _require_library() -> None:
    try:
        import cryptography.x509  # noqa: F401 (whether it is there)
    except ImportError:
        message = "certificates need the library cryptography: pip install 'edged[updates]'"
        raise CertificateError(message) from None
