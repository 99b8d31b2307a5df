"""Status files: `up/health` and `up/info` for programs on the device, in the service's runtime directory, which is in memory."""

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
    """Return the service's runtime directory; None outside of a service."""
    folder = os.environ.get("RUNTIME_DIRECTORY")
    return Path(folder.partition(":")[0]) if folder else None


class StatusFiles:
    """Writes the newest status of each kind, which a reader always finds whole; without a folder, writes nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def write(self, status: DeviceHealth | DeviceInfo) -> None:
        """Replace the file of a status; a folder that cannot be written is logged, and not used any more."""
        if self._folder is None:
            return
        path = self._folder / _FILE_NAMES[type(status)]
        new = path.with_name(f".{path.name}.new")
        try:
            new.write_bytes(encode(status))
            new.rename(path)
        except OSError as error:
            _log.warning("cannot write the status file %s: %s", path, error.strerror or error)
            self._folder = None

    def clear(self) -> None:
        """Delete all files: they are no longer true."""
        if self._folder is not None:
            for name in _FILE_NAMES.values():
                with suppress(OSError):
                    (self._folder / name).unlink(missing_ok=True)


def read_status_file(kind: type[StatusT], folder: Path = DEFAULT_RUNTIME_DIR) -> StatusT | None:
    """Return the newest status that a service on this device has written; None if there is none that can be read."""
    try:
        with (folder / _FILE_NAMES[kind]).open("rb") as file:
            content = file.read(_MAX_BYTES)
        return msgspec.json.decode(content, type=kind)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
