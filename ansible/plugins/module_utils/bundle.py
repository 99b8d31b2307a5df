"""The manifest of a bundle, read without verification: each device verifies the signatures itself."""

from __future__ import annotations

import base64
import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

_ENVELOPE = "envelope.json"
_MAX_ENVELOPE_BYTES = 256 << 10
_MANIFEST_KEYS = ("name", "version", "counter", "epoch")


class BundleUnreadableError(Exception):
    """A file is not a bundle, or cannot be read; the message gives the reason."""


def signed_payload(envelope: bytes) -> bytes:
    """Return the bytes that an envelope signs.

    Raises:
        BundleUnreadableError: if this is not an envelope.
    """
    try:
        return base64.b64decode(json.loads(envelope)["payload"], validate=True)
    except (ValueError, KeyError, TypeError) as error:
        raise BundleUnreadableError(f"not a signed envelope: {error}") from None


def read_bundle(path: str) -> dict[str, Any]:
    """Return the ``digest``, ``title``, ``name``, ``version``, ``counter`` and ``epoch`` of a bundle.

    Raises:
        BundleUnreadableError: if the file is not a bundle, or cannot be read.
    """
    try:
        payload = _read_manifest(path)
        manifest = json.loads(payload)
        values = {key: manifest[key] for key in _MANIFEST_KEYS}
    except OSError as error:
        raise BundleUnreadableError(f"{path} cannot be read: {error.strerror}") from None
    except (tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise BundleUnreadableError(f"{path} is not a bundle: {error}") from None
    return {
        "digest": hashlib.sha256(payload).hexdigest(),
        "title": f"{values['name']}@{values['version']}",
        **values,
    }


def _read_manifest(path: str) -> bytes:
    """Return the manifest as it was signed.

    Raises:
        BundleUnreadableError: if the file does not begin with an envelope.
    """
    with Path(path).open("rb") as file:
        header = tarfile.TarInfo.frombuf(file.read(512), "ascii", "strict")
        if header.name != _ENVELOPE or header.size > _MAX_ENVELOPE_BYTES:
            raise BundleUnreadableError(
                f"{path} is not a bundle: its first file is not {_ENVELOPE}"
            )
        return signed_payload(file.read(header.size))
