"""Public keys: their ids, their encodings, and the verification of signatures.

There are two kinds: ``ed25519`` for keys in files and in HashiCorp Vault; ``ecdsa-sha2-nistp256`` because security tokens (PKCS#11) and
the key services of the clouds, as securesystemslib reaches them, make no other signature that is small and strong.

The id of a key is that of securesystemslib (and of TUF): sha256 over the canonical JSON of its type, scheme and public part. The id in a
signature only says which key to try. In a trust file each id must be that of its key, and a key has one encoding only, so that counting
ids counts keys.
"""

import base64
import binascii
import hashlib
import textwrap
from typing import Annotated, Literal

from msgspec import Meta, Struct

from edged.errors import BundleError, UpdateError
from edged.text import to_utf8

Scheme = Literal["ed25519", "ecdsa-sha2-nistp256"]

# The bytes before the raw key in a SubjectPublicKeyInfo (RFC 8410, RFC 5480); the point of P-256 is uncompressed.
_SPKI_PREFIXES: dict[Scheme, bytes] = {
    "ed25519": bytes.fromhex("302a300506032b6570032100"),
    "ecdsa-sha2-nistp256": bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
}
_RAW_KEY_BYTES: dict[Scheme, int] = {"ed25519": 32, "ecdsa-sha2-nistp256": 65}
_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"


class PublicKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public key.

    Attributes:
        scheme: its signature scheme.
        public: the raw key in hexadecimal: 32 bytes of ed25519, or 65 bytes of an uncompressed point of P-256.
        name: name shown to people; it has no effect.
    """

    scheme: Scheme
    public: Annotated[str, Meta(pattern=r"^([0-9a-f]{64}|04[0-9a-f]{128})\Z")]
    name: Annotated[str, Meta(max_length=100)] = ""

    def __post_init__(self) -> None:
        if len(self.public) != 2 * _RAW_KEY_BYTES[self.scheme]:
            raise ValueError(f"not a key for {self.scheme}")

    @property
    def id(self) -> str:
        """The id of the key, as securesystemslib computes it."""
        ed25519 = self.scheme == "ed25519"
        type_ = "ed25519" if ed25519 else "ecdsa"
        public = self.public if ed25519 else self.pem
        canonical = (
            f'{{"keytype":"{type_}","keyval":{{"public":"{public}"}},"scheme":"{self.scheme}"}}'
        )
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def pem(self) -> str:
        """The key in PEM, as OpenSSL and the key services write it."""
        der = _SPKI_PREFIXES[self.scheme] + bytes.fromhex(self.public)
        lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
        return "\n".join((_BEGIN, *lines, _END, ""))


def decode_public_key(pem: bytes, *, name: str = "") -> PublicKey:
    """Decode a ``.pub`` file: a SubjectPublicKeyInfo in PEM.

    Raises:
        BundleError: it is not a public key of a supported kind.
    """
    der = _decode_pem(pem)
    for scheme, prefix in _SPKI_PREFIXES.items():
        if der.startswith(prefix) and len(der) == len(prefix) + _RAW_KEY_BYTES[scheme]:
            return PublicKey(scheme=scheme, public=der[len(prefix) :].hex(), name=name)
    raise BundleError(f"{name or 'the file'} is not a public key of ed25519 or P-256 in PEM")


def verify(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Return whether a signature of a message was made by a key.

    Args:
        key: the public key.
        signature: the bytes of the signature.
        message: the signed bytes.

    Raises:
        UpdateError: the cryptography library is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519
        from cryptography.hazmat.primitives.hashes import SHA256
    except ImportError as error:
        raise UpdateError(
            "signatures cannot be verified: cryptography is missing: pip install 'edged[updates]'"
        ) from error
    public = bytes.fromhex(key.public)
    try:
        if key.scheme == "ed25519":
            ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        else:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
            point.verify(signature, message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):  # ValueError: not on the curve
        return False
    return True


def _decode_pem(pem: bytes) -> bytes:
    text = to_utf8(pem).decode(errors="replace").strip()
    if not (text.startswith(_BEGIN) and text.endswith(_END)):
        return b""
    try:
        return base64.b64decode("".join(text[len(_BEGIN) : -len(_END)].split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
