"""The latest word on the device's health for whoever is on the device: a file in the service's runtime directory, which is memory and not a disk."""

import logging
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from edged.contract.device import Health
from edged.contract.header import encode

HEALTH = "health.json"
_FALLBACK = Path("/run/edged")
_MOST_BYTES = 1 << 20

_log = logging.getLogger(__name__)


def runtime_dir() -> Path | None:
    """The service's own; None outside of a service."""
    folder = os.environ.get("RUNTIME_DIRECTORY")
    return Path(folder.partition(":")[0]) if folder else None


class Noticeboard:
    """Holds what was posted last, whole at any moment; without a folder, nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def post(self, health: Health) -> None:
        """Put it up; a folder that cannot be written is logged, and used no more."""
        if self._folder is None:
            return
        new = self._folder / f".{HEALTH}.new"
        try:
            new.write_bytes(encode(health))
            new.rename(self._folder / HEALTH)
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._folder, error.strerror or error)
            self._folder = None

    def clear(self) -> None:
        """Take it down: it is no longer true."""
        if self._folder is not None:
            with suppress(OSError):
                (self._folder / HEALTH).unlink(missing_ok=True)


def read_health(folder: Path = _FALLBACK) -> Health | None:
    """What a service put up last; None if nothing that can be read."""
    try:
        with (folder / HEALTH).open("rb") as file:
            content = file.read(_MOST_BYTES)
        return msgspec.json.decode(content, type=Health)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
