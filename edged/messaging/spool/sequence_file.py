"""The two files that record how far sequence numbers were used, and how far messages have arrived.

`SequenceFile` is on the disk. Numbers are reserved in blocks, so that one small write serves thousands of messages. The file has a fixed
size and is overwritten in place: this needs no free space, so numbering continues when the disk is full. A checksum detects a torn
write. The file is separate from the database, so that the numbers of waiting messages are known when the database is lost.

`ProgressFile` has the same values in memory (tmpfs), written for every message: it survives the daemon, not the host. After
``kill -9`` it names the numbers that were really used, and after a run on a read-only disk it is all that is left.
"""

import fcntl
import hashlib
import os
import stat
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edged.errors import SpoolError
from edged.messaging.spool.quarantine import make_usable, quarantine

_MAX_BYTES = 4096
_PROGRESS = struct.Struct("<6q")
_FALLBACK_FOLDER = Path("/dev/shm")  # noqa: S108 (tmpfs; the owner of the file is checked)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceRecord:
    """What one run knows about its numbers.

    Attributes:
        first_waiting: every message below this number has arrived, or was reported lost.
        first_unsafe: every message below this number was stored, has arrived, or was reported lost.
        end: no number from here on was ever used.
        is_clean: the spool was closed in order, so that `end` is the next number.
        run_id: random number of the run that last wrote the file on the disk; None in a file of an older version.
        store_id: the `StoreSummary.store_id` of the last commit; 0 before the first; None in a file of an older version.
        generation: the `StoreSummary.generation` of the last commit.
    """

    first_waiting: int
    first_unsafe: int
    end: int
    is_clean: bool = False
    run_id: int | None
    store_id: int | None
    generation: int

    def encode(self) -> bytes:
        """Return two lines with a checksum each; the first is what older versions read."""
        first = f"{self.first_unsafe:020d} {self.end:020d} {self.is_clean:d}"
        second = f"{self.first_waiting:020d} {self.run_id:016x} {self.store_id:016x} {self.generation:020d}"
        return f"{first} {_checksum(first)}\n{second} {_checksum(first + second)}\n".encode("ascii")


def decode_record(content: bytes) -> SequenceRecord | None:
    """Return the record that `SequenceRecord.encode` made; None if it is damaged.

    Of a file of an older version, or whose second line is damaged, the first line is used.
    """
    lines = [line.rpartition(" ") for line in content.decode("ascii", "replace").split("\n")]
    first, _, checksum = lines[0]
    if checksum != _checksum(first):
        return None
    try:
        unsafe, end, clean = map(int, first.split())
        record = SequenceRecord(
            first_waiting=1,
            first_unsafe=unsafe,
            end=end,
            is_clean=clean == 1,
            run_id=None,
            store_id=None,
            generation=0,
        )
        return _decode_second_line(record, first, lines[1]) if len(lines) > 1 else record
    except ValueError:
        return None


class SequenceFile:
    """The file on the disk, and the lock on it that keeps a second daemon out of the folder."""

    def __init__(self, path: Path) -> None:
        """Open and lock the file; create it if necessary. What is no readable file is quarantined.

        Raises:
            SpoolError: another daemon uses the folder.
            OSError: the disk fails.
        """
        self.quarantined_path = make_usable(path)
        """Where something unreadable in the place of the file was moved; None if there was none."""
        self._fd = _open_locked(path)
        try:
            self._content = os.pread(self._fd, _MAX_BYTES, 0)
        except OSError:  # the lock must not outlive this object
            os.close(self._fd)
            raise
        if self._content and self.read() is None:
            self._replace(path)

    def read(self) -> SequenceRecord | None:
        """Return the record that was in the file when it was opened; None if there was none."""
        return decode_record(self._content)

    def write(self, record: SequenceRecord) -> None:
        """Write `record` durably.

        Raises:
            OSError: the disk fails.
        """
        os.pwrite(self._fd, record.encode(), 0)
        os.fsync(self._fd)

    def is_in_place(self, path: Path) -> bool:
        """Return whether `path` still names this file: somebody may have removed or replaced it."""
        with suppress(OSError):
            return os.path.samestat(os.fstat(self._fd), path.stat())
        return False

    def close(self) -> None:
        """Close the file and release the lock."""
        os.close(self._fd)

    def _replace(self, path: Path) -> None:
        damaged_fd = self._fd
        try:
            self.quarantined_path = quarantine(path)
            self._fd = _open_locked(path)
        finally:
            os.close(damaged_fd)
        self._content = b""


class ProgressFile:
    """The file in memory. It is an aid: failures are ignored, and then the next run knows less."""

    def __init__(self, spool_folder: Path) -> None:
        """Choose the name, without opening the file: it belongs to this user and to the spool in `spool_folder`."""
        runtime = os.environ.get("RUNTIME_DIRECTORY") or os.environ.get("XDG_RUNTIME_DIR")
        key = hashlib.sha256(os.fsencode(os.path.realpath(spool_folder))).hexdigest()[:16]
        folder = Path(runtime.split(":")[0]) if runtime else _FALLBACK_FOLDER
        self._path = folder / f"edged-{os.geteuid()}-{key}.progress"
        self._fd: int | None = None

    def read(self) -> SequenceRecord | None:
        """Open the file and return what an earlier run left in it; None if there is nothing."""
        self.close()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        with suppress(OSError):
            self._fd = os.open(self._path, flags, 0o600)
            status = os.fstat(self._fd)
            if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                return _decode_progress(os.pread(self._fd, _MAX_BYTES, 0))
            self.close()
        return None

    def write(self, *values: int) -> None:
        """Write the values of a `SequenceRecord`, `is_clean` excepted, in the order of the class, not durably.

        If that fails, delete the file, because an outdated one would mislead.
        """
        if self._fd is None:
            return
        body = _PROGRESS.pack(*values)
        try:
            os.pwrite(self._fd, body + zlib.crc32(body).to_bytes(4, "little"), 0)
        except OSError:
            self.remove()

    def remove(self) -> None:
        """Delete the file, because the one on the disk says it all."""
        self.close()
        with suppress(OSError):
            self._path.unlink()

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def read_unlocked(path: Path) -> SequenceRecord | None:
    """Return the record of a file on the disk that can only be read; None if there is none."""
    with suppress(OSError):
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as file:
                return decode_record(file.read(_MAX_BYTES))
    return None


def _open_locked(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise SpoolError(
            f"{path.parent} is in use by another edged: give each its own [device] state_dir"
        ) from None
    return fd


def _decode_progress(content: bytes) -> SequenceRecord | None:
    body, checksum = content[: _PROGRESS.size], content[_PROGRESS.size :]
    if len(body) < _PROGRESS.size or checksum != zlib.crc32(body).to_bytes(4, "little"):
        return None
    waiting, unsafe, end, run_id, store_id, generation = _PROGRESS.unpack(body)
    return SequenceRecord(
        first_waiting=waiting,
        first_unsafe=unsafe,
        end=end,
        run_id=run_id,
        store_id=store_id,
        generation=generation,
    )


def _decode_second_line(
    record: SequenceRecord, first_line: str, line: tuple[str, str, str]
) -> SequenceRecord:
    body, _, checksum = line
    if checksum != _checksum(first_line + body):
        return record
    waiting, run_id, store_id, generation = body.split()
    return SequenceRecord(
        first_waiting=int(waiting),
        first_unsafe=record.first_unsafe,
        end=record.end,
        is_clean=record.is_clean,
        run_id=int(run_id, 16),
        store_id=int(store_id, 16),
        generation=int(generation),
    )


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii', 'replace')):08x}"
