"""What a bundle says of itself, without a verification: that is the device's."""

from __future__ import annotations

import base64
import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

_ENVELOPE = "envelope.json"
_MOST_ENVELOPE_BYTES = 256 << 10


class BundleUnreadableError(Exception):
    """It is no bundle, or cannot be read; the message says why."""


def payload_of(envelope: bytes) -> bytes:
    """The bytes that were signed.

    Raises:
        BundleUnreadableError: it is no envelope.
    """
    try:
        return base64.b64decode(json.loads(envelope)["payload"], validate=True)
    except (ValueError, KeyError, TypeError) as error:
        raise BundleUnreadableError(f"no signed envelope: {error}") from None


def read_bundle(path: str) -> dict[str, Any]:
    """Its ``digest``, ``title``, ``name``, ``version``, ``counter`` and ``epoch``.

    Raises:
        BundleUnreadableError: it is no bundle, or cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            header = tarfile.TarInfo.frombuf(file.read(512), "ascii", "strict")
            if header.name != _ENVELOPE or header.size > _MOST_ENVELOPE_BYTES:
                raise BundleUnreadableError(
                    f"{path} is no bundle: it does not begin with {_ENVELOPE}"
                )
            payload = payload_of(file.read(header.size))
        manifest = json.loads(payload)
        told = {key: manifest[key] for key in ("name", "version", "counter", "epoch")}
    except OSError as error:
        raise BundleUnreadableError(f"{path} cannot be read: {error.strerror}") from None
    except (tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise BundleUnreadableError(f"{path} is no bundle: {error}") from None
    return {
        "digest": hashlib.sha256(payload).hexdigest(),
        "title": f"{told['name']}@{told['version']}",
        **told,
    }
