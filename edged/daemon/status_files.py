"""The latest word on the device for whoever is on it: files in the service's runtime directory, which is memory and not a disk."""

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from edged.messaging.contract.header import encode

DEFAULT_RUNTIME_DIR = Path("/run/edged")
_FILE_NAMES: dict[type[DeviceHealth | DeviceInfo], str] = {
    DeviceHealth: "health.json",
    DeviceInfo: "info.json",
}
_MAX_BYTES = 1 << 20

_log = logging.getLogger(__name__)
StatusT = TypeVar("StatusT", DeviceHealth, DeviceInfo)


def runtime_dir() -> Path | None:
    """The service's own; None outside of a service."""
    folder = os.environ.get("RUNTIME_DIRECTORY")
    return Path(folder.partition(":")[0]) if folder else None


class StatusFiles:
    """Holds what was posted last, each whole at any moment; without a folder, nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def write(self, status: DeviceHealth | DeviceInfo) -> None:
        """Put it up in the place of the last; a folder that cannot be written is logged, and used no more."""
        if self._folder is None:
            return
        path = self._folder / _FILE_NAMES[type(status)]
        new = path.with_name(f".{path.name}.new")
        try:
            new.write_bytes(encode(status))
            new.rename(path)
        except OSError as error:
            _log.warning("%s cannot be written: %s", path, error.strerror or error)
            self._folder = None

    def clear(self) -> None:
        """Take all down: it is no longer true."""
        if self._folder is not None:
            for name in _FILE_NAMES.values():
                with suppress(OSError):
                    (self._folder / name).unlink(missing_ok=True)


def read_status_file(kind: type[StatusT], folder: Path = DEFAULT_RUNTIME_DIR) -> StatusT | None:
    """What a service put up last; None if there is nothing that can be read."""
    try:
        with (folder / _FILE_NAMES[kind]).open("rb") as file:
            content = file.read(_MAX_BYTES)
        return msgspec.json.decode(content, type=kind)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
