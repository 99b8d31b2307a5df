"""The pictures of objects on disk: one JPEG an object, the oldest removed when they become too many or too old.

A file's name says everything about it, so that a restart needs no index: time, event id, camera and label. A picture is written under a temporary name,
synced and renamed, so that a reader never sees half of one, also after a power cut.
"""

import errno
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

from msgspec import Struct

from edged.errors import StoreError
from edged.host.files import FileSystem, replace_file, temporary_path

_SEPARATOR = "~"
_SUFFIX = ".jpg"
_TEMPORARY_SUFFIX = ".new"
_MAX_LABEL_BYTES = 120
"""Of a label as it stands in a name; a name has at most 255 bytes."""
_MAX_FILE_BYTES = 64 << 20
_NAME = re.compile(
    r"(?P<taken_ms>\d{13,15})~(?P<event_id>[0-9A-Za-z-]{1,64})~(?P<camera>[A-Za-z0-9_-]{1,64})~(?P<label>[^~/]*)\.jpg"
)
_UNLIMITED = 1 << 62
_FULL = (errno.ENOSPC, errno.EDQUOT)


class StoredPicture(Struct, frozen=True, kw_only=True):
    """A picture on disk.

    Attributes:
        event_id: id of the object, as in its events.
        camera: name of the camera.
        label: label of the object's class.
        taken_ms: when the picture was taken, milliseconds since the Unix epoch.
        size_bytes: size of the JPEG.
    """

    event_id: str
    camera: str
    label: str
    taken_ms: int
    size_bytes: int

    @property
    def file_name(self) -> str:
        """The name of its file."""
        label = self.label
        while len(quoted := quote(label, safe=" ").replace(_SEPARATOR, "%7E")) > _MAX_LABEL_BYTES:
            label = label[:-1]
        parts = (f"{self.taken_ms:013d}", self.event_id, self.camera, quoted)
        return _SEPARATOR.join(parts) + _SUFFIX


class PictureRing:
    """The pictures in one folder; one thread at a time uses it, and it waits for the disk."""

    def __init__(self, files: FileSystem, folder: Path) -> None:
        """Read nothing yet: the first call of another method does.

        Args:
            files: the disk.
            folder: the folder, which the first picture makes.
        """
        self._files = files
        self._folder = folder
        self._pictures: list[StoredPicture] | None = None

    def add(
        self,
        picture: StoredPicture,
        jpeg: bytes,
        *,
        max_bytes: int,
        oldest_ms: int,
        max_count: int = _UNLIMITED,
    ) -> int:
        """Store a picture in place of an earlier one of the same object, and remove what is too much; return how many are stored then.

        Args:
            picture: the picture.
            jpeg: its JPEG.
            max_bytes: largest size of all together; a picture that is larger is not stored.
            oldest_ms: earlier pictures are removed, milliseconds since the Unix epoch.
            max_count: largest number of pictures.

        Raises:
            StoreError: the disk cannot be written or read.
        """
        self._remove_if(lambda one: one.taken_ms < oldest_ms)
        if len(jpeg) > max_bytes or picture.taken_ms < oldest_ms:
            return len(self._load())
        self._make_room(max_bytes - len(jpeg), max_count - 1)
        if not self._files.exists(self._folder):
            self._files.make_folder(self._folder)
        path = self._folder / picture.file_name
        try:
            self._write(path, jpeg)
        except StoreError as error:
            if not (isinstance(error.__cause__, OSError) and error.__cause__.errno in _FULL):
                raise
            self._make_room(self._size_bytes - 2 * len(jpeg))
            self._write(path, jpeg)
        name = picture.file_name
        self._remove_if(lambda one: one.event_id == picture.event_id and one.file_name != name)
        kept = [one for one in self._load() if one.file_name != name]
        self._pictures = sorted([*kept, picture], key=lambda one: one.taken_ms)
        return len(self._pictures)

    def trim(
        self,
        *,
        max_bytes: int,
        oldest_ms: int,
        max_count: int = _UNLIMITED,
        without_cameras: Collection[str] = (),
    ) -> int:
        """Remove what is too much; return how many pictures are left.

        Args:
            max_bytes: largest size of all together.
            oldest_ms: earlier pictures are removed, milliseconds since the Unix epoch.
            max_count: largest number of pictures.
            without_cameras: cameras all of whose pictures are removed.

        Raises:
            StoreError: the disk cannot be written or read.
        """
        self._remove_if(lambda one: one.taken_ms < oldest_ms or one.camera in without_cameras)
        self._make_room(max_bytes, max_count)
        return len(self._load())

    def list_newest(self, cameras: Collection[str], limit: int) -> tuple[StoredPicture, ...]:
        """Return the newest pictures of some cameras, the newest first.

        Args:
            cameras: names of the cameras.
            limit: largest number of pictures.

        Raises:
            StoreError: the folder cannot be read.
        """
        found = [one for one in reversed(self._load()) if one.camera in cameras]
        return tuple(found[:limit])

    def read(self, event_id: str, cameras: Collection[str]) -> bytes | None:
        """Return the JPEG of an object's picture; None if there is none of these cameras.

        Raises:
            StoreError: the file cannot be read.
        """
        for one in self._load():
            if one.event_id == event_id and one.camera in cameras:
                return self._files.read(self._folder / one.file_name, _MAX_FILE_BYTES)
        return None

    def _write(self, path: Path, jpeg: bytes) -> None:
        try:
            replace_file(self._files, path, jpeg)
        except StoreError:
            with suppress(StoreError):
                self._files.remove(temporary_path(path))
            raise

    @property
    def _size_bytes(self) -> int:
        return sum(one.size_bytes for one in self._load())

    def _make_room(self, max_bytes: int, max_count: int = _UNLIMITED) -> None:
        """Remove the oldest pictures until the others have at most so many bytes together, and are at most so many."""
        size_bytes = self._size_bytes
        for one in tuple(self._load()):
            if size_bytes <= max_bytes and len(self._load()) <= max_count:
                return
            self._remove(one)
            size_bytes -= one.size_bytes

    def _remove_if(self, is_unwanted: Callable[[StoredPicture], bool]) -> None:
        for one in tuple(self._load()):
            if is_unwanted(one):
                self._remove(one)

    def _remove(self, picture: StoredPicture) -> None:
        self._files.remove(self._folder / picture.file_name)
        self._load().remove(picture)

    def _load(self) -> list[StoredPicture]:
        """Return the pictures, the oldest first; the first call reads the folder, and removes what a power cut has left of one."""
        if self._pictures is None:
            found = []
            for name in self._files.list_names(self._folder):
                path = self._folder / name
                if name.endswith(_TEMPORARY_SUFFIX):
                    self._files.remove(path)
                elif (picture := parse_name(name, self._files.size(path))) is not None:
                    found.append(picture)
            self._pictures = sorted(found, key=lambda one: one.taken_ms)
        return self._pictures


def parse_name(name: str, size_bytes: int) -> StoredPicture | None:
    """Return the picture that a file's name describes; None for any other file.

    Args:
        name: the file's name.
        size_bytes: its size; an empty file is no picture.
    """
    match = _NAME.fullmatch(name)
    if match is None or not size_bytes:
        return None
    return StoredPicture(
        event_id=match["event_id"],
        camera=match["camera"],
        label=unquote(match["label"], errors="replace"),
        taken_ms=int(match["taken_ms"]),
        size_bytes=size_bytes,
    )
