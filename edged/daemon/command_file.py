"""The file of the state directory that keeps what commands have done over a restart."""

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct, field

from edged.config.overrides import CameraOverrides
from edged.daemon.command_memory import FinishedCommand
from edged.disk_thread import DiskQueue
from edged.errors import StoreError
from edged.host.files.durable import replace_file
from edged.host.files.local import LocalFileSystem
from edged.text import read_content

FILE_NAME = "commands.json"

_log = logging.getLogger(__name__)


class KeptCommands(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The content of the file.

    Attributes:
        finished: the last commands with their replies, oldest first.
        switched: what commands have switched, by camera.
    """

    finished: tuple[FinishedCommand, ...] = ()
    switched: dict[str, CameraOverrides] = field(default_factory=dict)


def read_kept_commands(folder: Path) -> KeptCommands:
    """Return what was kept in a state directory; nothing, and a line in the log, if the file is damaged."""
    path = folder / FILE_NAME
    try:
        return msgspec.json.decode(read_content(path), type=KeptCommands)
    except FileNotFoundError:
        return KeptCommands()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _log.warning("%s cannot be read, so what commands have switched is lost: %s", path, error)
        return KeptCommands()


class CommandFile:
    """Writes the file, the newest content only, without making the loop wait."""

    def __init__(self, folder: Path, disk: DiskQueue) -> None:
        """Write nothing yet.

        Args:
            folder: the state directory.
            disk: does the writing.
        """
        self._path = folder / FILE_NAME
        self._disk = disk
        self._next: Callable[[], KeptCommands] | None = None
        self._is_writing = False

    def save(self, collect: Callable[[], KeptCommands]) -> None:
        """Write what `collect` returns; while the disk is busy, only the newest call counts."""
        self._next = collect
        if not self._is_writing:
            self._write_next()

    def _write_next(self) -> None:
        if self._next is None:
            return
        content = msgspec.json.encode(self._next())
        self._next, self._is_writing = None, True
        self._disk.submit(lambda: _write(self._path, content), self._finish)

    def _finish(self, error: str | None) -> None:
        self._is_writing = False
        if error is not None:
            _log.error("%s cannot be written: %s", self._path, error)
        self._write_next()


def _write(path: Path, content: bytes) -> str | None:
    try:
        replace_file(LocalFileSystem(), path, content)
    except StoreError as error:
        return str(error)
    return None
