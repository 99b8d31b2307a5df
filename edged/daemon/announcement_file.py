"""The file that remembers what was announced to Home Assistant; a disk's thread reads and writes it."""

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from edged.disk_thread import DiskQueue
from edged.errors import StoreError
from edged.home_assistant.announced import Announcement
from edged.host.files import LocalFileSystem, replace_file
from edged.text import read_content

_log = logging.getLogger(__name__)

_NOTHING = Announcement()


class AnnouncementFile:
    """Reads the file once, and writes the newest announcement; those that come while it writes wait, and the newest of them counts."""

    def __init__(self, path: Path, disk: DiskQueue) -> None:
        """Read nothing yet.

        Args:
            path: the file.
            disk: does the reading and writing.
        """
        self._path = path
        self._disk = disk
        self._is_writing = False
        self._waiting: Announcement | None = None

    def load(self, on_loaded: Callable[[Announcement], object]) -> None:
        """Read the file; without a file that can be read, nothing was announced."""
        self._disk.submit(self._read, on_loaded)

    def save(self, announcement: Announcement) -> None:
        """Replace the file; one that announces nothing and remembers nothing is deleted."""
        if self._is_writing:
            self._waiting = announcement
            return
        self._is_writing = True
        self._disk.submit(lambda: self._write(announcement), self._on_written)

    def _read(self) -> Announcement:
        try:
            return msgspec.json.decode(read_content(self._path), type=Announcement)
        except FileNotFoundError:
            return _NOTHING
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            _log.warning(
                "%s cannot be read (%s): entities that have gone since the last start stay in Home Assistant, until they are deleted there",
                *(self._path, error),
            )
            return _NOTHING

    def _write(self, announcement: Announcement) -> None:
        files = LocalFileSystem()
        try:
            if announcement.topic or announcement.old_topics:
                replace_file(files, self._path, msgspec.json.encode(announcement))
            else:
                files.remove(self._path)
        except StoreError as error:
            _log.warning(
                "%s; until it is, entities that are gone after a restart stay in Home Assistant",
                error,
            )

    def _on_written(self, result: None) -> None:
        del result
        self._is_writing = False
        if (waiting := self._waiting) is not None:
            self._waiting = None
            self.save(waiting)
