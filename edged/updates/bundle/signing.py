"""Signing on a workstation, with any signer of securesystemslib: the key may be in a file, a token or a cloud's key service.

https://python-securesystemslib.readthedocs.io/. A device never imports this module.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edged.errors import UpdateError, describe_error
from edged.text import read_content, to_utf8
from edged.updates.bundle.envelope import (
    Envelope,
    Signature,
    decode_envelope,
    encode_envelope,
    merge_signatures,
    pae,
)
from edged.updates.bundle.keys import PublicKey, decode_public_key, verify

if TYPE_CHECKING:
    from securesystemslib.signer import Key, Signer

_FILE_SCHEMES = ("file", "file2")
_MISSING_LIBRARY = "nothing can be signed: securesystemslib is missing: pip install 'edged[sign]'"


def sign(payload: bytes, payload_type: str, signers: Iterable["Signer"]) -> bytes:
    """Return an envelope with a signature by each signer; without signers it is signed later.

    Args:
        payload: the bytes to sign.
        payload_type: their media type.
        signers: the keys that sign.

    Raises:
        UpdateError: a signer failed.
    """
    return _sign(Envelope(payload, payload_type, ()), signers)


def add_signatures(envelope: bytes, signers: Iterable["Signer"]) -> bytes:
    """Return an envelope with more signatures.

    Raises:
        BundleError: it is not an envelope.
        UpdateError: a signer failed.
    """
    return _sign(decode_envelope(envelope), signers)


def open_signer(
    uri: str, *, public: PublicKey | None = None, prompt: Callable[[str], str] | None = None
) -> "Signer":
    """Return the signer of a key.

    Args:
        uri: the path of a PEM file, or the URI of a private key in securesystemslib: ``file2:``, ``hsm:``, ``awskms:``, ``gcpkms:``,
            ``azurekms:``, ``hv:`` and so on.
        public: its public key; not needed for a file.
        prompt: asks for a PIN or a passphrase by its name; None for the terminal.

    Raises:
        UpdateError: there is no such key, or its service does not respond.
    """
    prompt = prompt or (lambda name: getpass(f"{name} of {uri}: "))
    scheme, colon, rest = uri.partition(":")
    if not colon or Path(uri).exists():
        return _open_file_signer(Path(uri), prompt)
    if scheme in _FILE_SCHEMES:
        return _open_file_signer(Path(rest.removeprefix("//")), prompt)
    if public is None:
        raise UpdateError(f"{uri} needs its public key beside it: --public FILE")
    with _translate_errors(uri):
        from securesystemslib.signer import Signer

        return Signer.from_priv_key_uri(uri, _to_securesystemslib_key(public), prompt)


def generate_key_pair(path: Path) -> PublicKey:
    """Generate an ed25519 key pair, and return the public key: PATH.pem, readable only by its owner, and PATH.pub.

    Raises:
        UpdateError: one of the files exists already, or cannot be written.
    """
    with _translate_errors(str(path)):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    public = PublicKey(
        scheme="ed25519", public=private.public_key().public_bytes_raw().hex(), name=path.name
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    halves = {".pem": (pem, 0o600), ".pub": (public.pem.encode(), 0o644)}
    for suffix in halves:
        if os.path.lexists(path.with_name(path.name + suffix)):
            raise UpdateError(f"{path}{suffix} exists already: keys are never overwritten")
    for suffix, (content, mode) in halves.items():
        _write_new_file(path.with_name(path.name + suffix), content, mode)
    return public


def _sign(envelope: Envelope, signers: Iterable["Signer"]) -> bytes:
    message = pae(envelope.payload_type, envelope.payload)
    signatures = [_sign_message(signer, message) for signer in signers]
    return encode_envelope(merge_signatures(envelope, signatures))


def _sign_message(signer: "Signer", message: bytes) -> Signature:
    """Sign a message, and verify the signature: a key service may hold another key than expected."""
    key = _to_public_key(signer.public_key)
    with _translate_errors(f"key {key.id[:12]}"):
        signature = bytes.fromhex(signer.sign(message).signature)
    if not verify(key, signature, message):
        raise UpdateError(
            f"the signature by key {key.id[:12]} is invalid: the signer uses another key"
        )
    return Signature(key.id, signature)


def _open_file_signer(path: Path, prompt: Callable[[str], str]) -> "Signer":
    with _translate_errors(str(path)):
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from securesystemslib.signer import CryptoSigner

        pem = _read_pem(path)
        private: Any
        try:
            private = load_pem_private_key(pem, None)
        except TypeError:  # it is encrypted
            private = load_pem_private_key(pem, prompt("passphrase").encode())
        signer = CryptoSigner(private)
    _to_public_key(signer.public_key)
    return signer


def _read_pem(path: Path) -> bytes:
    try:
        pem = to_utf8(read_content(path))
    except OSError as error:
        raise UpdateError(f"cannot read the key {path}: {error.strerror or error}") from error
    if b"PRIVATE KEY-----" not in pem:
        raise UpdateError(
            f"{path} has no private key: name a .pem file, as `edged trust key` makes it"
        )
    return pem


def _to_securesystemslib_key(key: PublicKey) -> "Key":
    from securesystemslib.signer import SSlibKey

    type_, public = ("ed25519", key.public) if key.scheme == "ed25519" else ("ecdsa", key.pem)
    return SSlibKey(key.id, type_, key.scheme, {"public": public})


def _to_public_key(key: "Key") -> PublicKey:
    public = str(key.keyval.get("public", ""))
    if key.scheme == "ed25519":
        return PublicKey(scheme="ed25519", public=public)
    return decode_public_key(public.encode(), name=f"the public key, of {key.scheme},")


def _write_new_file(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise UpdateError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def _translate_errors(what: str) -> Iterator[None]:
    """Turn any error of a signer's library into an `UpdateError`."""
    try:
        yield
    except UpdateError:
        raise
    except ImportError as error:
        raise UpdateError(_MISSING_LIBRARY) from error
    except Exception as error:
        raise UpdateError(f"cannot sign with {what}: {describe_error(error)}") from error
