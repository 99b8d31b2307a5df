"""Public keys: what they are called, how they are written, and whether a signature is theirs.

Two kinds. ``ed25519`` is for keys in files and in HashiCorp Vault; ``ecdsa-sha2-nistp256`` is there because security tokens
(PKCS#11) and the key services of the clouds, as securesystemslib reaches them, make no other signature that is small and strong.

A key's id is that of securesystemslib (and of TUF): sha256 over the canonical JSON of its type, scheme and public part. The id in a
signature only says which key to try. In a trust file each id must be that of its key, and a key can be written in one way only: what
counts keys by their ids counts keys.
"""

import base64
import binascii
import hashlib
import textwrap
from typing import Annotated, Literal

from msgspec import Meta, Struct

from edged.errors import BundleError, UpdateError

Scheme = Literal["ed25519", "ecdsa-sha2-nistp256"]

# What stands before the bare key in a SubjectPublicKeyInfo (RFC 8410, RFC 5480); the point of P-256 is uncompressed.
_SPKI_PREFIXES: dict[Scheme, bytes] = {
    "ed25519": bytes.fromhex("302a300506032b6570032100"),
    "ecdsa-sha2-nistp256": bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
}
_RAW_KEY_BYTES: dict[Scheme, int] = {"ed25519": 32, "ecdsa-sha2-nistp256": 65}
_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"


class PublicKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that may sign.

    Attributes:
        scheme: how it signs.
        public: the bare key in hexadecimal: 32 bytes of ed25519, or the 65 of an uncompressed point of P-256.
        name: what people call it; nothing goes by it.
    """

    scheme: Scheme
    public: Annotated[str, Meta(pattern=r"^([0-9a-f]{64}|04[0-9a-f]{128})\Z")]
    name: Annotated[str, Meta(max_length=100)] = ""

    def __post_init__(self) -> None:
        if len(self.public) != 2 * _RAW_KEY_BYTES[self.scheme]:
            raise ValueError(f"not a key of {self.scheme}")

    @property
    def id(self) -> str:
        """See the module."""
        ed25519 = self.scheme == "ed25519"
        type_ = "ed25519" if ed25519 else "ecdsa"
        public = self.public if ed25519 else self.pem
        canonical = (
            f'{{"keytype":"{type_}","keyval":{{"public":"{public}"}},"scheme":"{self.scheme}"}}'
        )
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def pem(self) -> str:
        """As OpenSSL and the key services write it."""
        der = _SPKI_PREFIXES[self.scheme] + bytes.fromhex(self.public)
        lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
        return "\n".join((_BEGIN, *lines, _END, ""))


def decode_public_key(pem: bytes, *, name: str = "") -> PublicKey:
    """Read a ``.pub`` file: PEM, a SubjectPublicKeyInfo.

    Raises:
        BundleError: it is none, or of a kind that is not taken.
    """
    der = _decode_pem(pem)
    for scheme, prefix in _SPKI_PREFIXES.items():
        if der.startswith(prefix) and len(der) == len(prefix) + _RAW_KEY_BYTES[scheme]:
            return PublicKey(scheme=scheme, public=der[len(prefix) :].hex(), name=name)
    raise BundleError(f"{name or 'this'} is no public key of ed25519 or of P-256 in PEM")


def verify(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether this key made this signature of this message.

    Raises:
        UpdateError: the library that knows is not installed.
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
    text = pem.decode(errors="replace").strip()
    if not (text.startswith(_BEGIN) and text.endswith(_END)):
        return b""
    try:
        return base64.b64decode("".join(text[len(_BEGIN) : -len(_END)].split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
