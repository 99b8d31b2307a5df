"""Whether a broker will accept a device's certificate: its name, its use, its dates, and the authority that issued it. No I/O."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from edged.errors import CertificateError
from edged.host.device_certificate import check_dates, common_name

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_MAX_CHAIN = 8


def check_client_certificate(
    chain: Sequence["Certificate"],
    authorities: Sequence["Certificate"],
    *,
    name: str,
    now: datetime | None = None,
) -> None:
    """Check that a broker will accept a certificate as that of this device.

    Args:
        chain: the device's certificate first, then those between it and the authority, if any.
        authorities: the trusted certificates.
        name: the device's name.
        now: the time; None to read this device's clock.

    Raises:
        CertificateError: it will not, with the reason.
    """
    own = chain[0]
    found = common_name(own.subject)
    if found != name:
        raise CertificateError(
            f'its common name is "{found}", and this device is "{name}": the broker takes the one for the other'
        )
    _check_usage(own)
    path = _find_path(own, chain[1:], authorities)
    for certificate in path:
        check_dates(certificate, now)


def _find_path(
    own: "Certificate", between: Sequence["Certificate"], authorities: Sequence["Certificate"]
) -> list["Certificate"]:
    """Return a certificate and its issuers, up to one that is trusted.

    Raises:
        CertificateError: no trusted authority has issued it.
    """
    path = [own]
    while len(path) < _MAX_CHAIN:
        newest = path[-1]
        trusted = next((one for one in authorities if _is_issuer(one, newest)), None)
        if trusted is not None:
            return [*path, trusted]
        issuer = next((one for one in between if one not in path and _is_issuer(one, newest)), None)
        if issuer is None:
            break
        path.append(issuer)
    issuer_name = common_name(path[-1].issuer)
    raise CertificateError(
        f'the authority "{issuer_name}" that issued it is not the given one: name its certificate with --ca'
    )


def _is_issuer(issuer: "Certificate", certificate: "Certificate") -> bool:
    """Return whether an authority has signed a certificate."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(issuer)
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return bool(constraints.value.ca)


def _check_usage(certificate: "Certificate") -> None:
    """Check that a certificate may be used by a client.

    Raises:
        CertificateError: its extended key usage leaves that out.
    """
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    except ValueError as error:
        raise CertificateError(f"its extensions cannot be read: {error}") from error
    if not {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & {*usage}:
        raise CertificateError(
            "its extended key usage leaves out clientAuth: it is not meant for a client of a broker"
        )
