"""The archive of a bundle: an uncompressed tar, restricted to plain files.

The standard library parses the headers, and nothing is ever extracted by name. The first member is the envelope, all others are regular
files with plain names. Everything else that a tar can have (folders, links, devices, sparse files, long names, pax records, sizes in
base 256, bytes between the members or after the end) is refused as soon as it is reached.
"""

import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tarfile import BLOCKSIZE, RECORDSIZE, TarInfo
from typing import BinaryIO, get_args

from edged.errors import BundleError, StoreError
from edged.host.files import FileSystem
from edged.updates.bundle.envelope import MAX_ENVELOPE_BYTES
from edged.updates.bundle.manifest import MAX_BUNDLE_BYTES, MAX_FILES, FileName

ENVELOPE_NAME = "envelope.json"
MAX_ARCHIVE_BYTES = (
    MAX_BUNDLE_BYTES + MAX_ENVELOPE_BYTES + (MAX_FILES + 1) * 2 * BLOCKSIZE + RECORDSIZE
)
"""No bundle is larger; nothing beyond that need be read."""
CHUNK_BYTES = 256 << 10

_MIN_END_BYTES = 2 * BLOCKSIZE
_PLAIN_NAME = re.compile(get_args(FileName)[1].pattern)
_OCTAL = re.compile(rb"[0-7]{11}[\0 ]")
_REFUSED_TYPES = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.DIRTYPE: "a folder",
    tarfile.FIFOTYPE: "a fifo",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
    tarfile.GNUTYPE_LONGNAME: "a long name",
    tarfile.GNUTYPE_LONGLINK: "a long link",
    tarfile.XHDTYPE: "a pax header",
    tarfile.XGLTYPE: "a pax header",
    tarfile.SOLARIS_XHDTYPE: "a pax header",
}


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """One file in an archive.

    Attributes:
        name: its name, without a folder.
        offset: position of its content, bytes from the start of the archive.
        size_bytes: size of its content.
    """

    name: str
    offset: int
    size_bytes: int


def iter_members(file: BinaryIO, size: int) -> Iterator[ArchiveMember]:
    """Yield the members of an archive in their order, the envelope first; each header is read when its member is reached.

    Args:
        file: the archive, seekable; the caller may read from it between two members.
        size: its size, bytes.

    Raises:
        BundleError: it is not an archive of plain files.
        StoreError: it cannot be read.
    """
    if size > MAX_ARCHIVE_BYTES:
        raise BundleError(f"the bundle has {size} bytes; {MAX_ARCHIVE_BYTES} are allowed")
    if size % BLOCKSIZE:
        raise BundleError(f"the bundle is not a complete tar: {size} bytes are not whole blocks")
    names: set[str] = set()
    offset = 0
    while any(header := read_at(file, offset, BLOCKSIZE)):
        member = _parse_header(header, offset + BLOCKSIZE, size)
        _check_member(member, names)
        names.add(member.name)
        offset = _next_header_offset(file, member)
        yield member
    if not names:
        raise BundleError("the bundle is empty")
    _check_end(file, offset, size)


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Read an exact number of bytes from a file.

    Args:
        file: the archive, seekable.
        offset: where to start, bytes.
        size: how many, bytes.

    Raises:
        BundleError: the file ends before.
        StoreError: it cannot be read.
    """
    content = b""
    try:
        file.seek(offset)
        while len(content) < size and (piece := file.read(size - len(content))):
            content += piece
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(f"cannot read the bundle: {error.strerror or error}") from error
    if len(content) < size:
        raise BundleError(
            f"the bundle ends after {offset + len(content)} bytes, too early: download or make it again"
        )
    return content


def is_cut_off(file: BinaryIO, size: int) -> bool:
    """Return whether a file begins as a bundle does, and ends too early, as one that is still being copied.

    Args:
        file: the archive, seekable.
        size: its size, bytes.

    Raises:
        OSError: it cannot be read.
    """
    offset = 0
    for _ in range(MAX_FILES + 2):
        file.seek(offset)
        header = file.read(BLOCKSIZE)
        if not offset and not ENVELOPE_NAME.encode().startswith(header[: len(ENVELOPE_NAME)]):
            return False
        if len(header) < BLOCKSIZE:
            return True
        if not any(header):
            return size - offset < _MIN_END_BYTES
        try:
            offset += (
                BLOCKSIZE
                + -(-TarInfo.frombuf(header, "ascii", "strict").size // BLOCKSIZE) * BLOCKSIZE
            )
        except (tarfile.HeaderError, ValueError):
            return False
        if offset > size:
            return True
    return False


def write_archive(
    files: FileSystem, path: Path, members: Iterable[tuple[str, int, Iterable[bytes]]]
) -> None:
    """Write an archive, complete and durable, or leave the old one unchanged; the same members always give the same bytes.

    Args:
        files: the disk.
        path: path of the archive.
        members: name, size in bytes and content of each, the envelope first.

    Raises:
        StoreError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    files.remove(partial)
    descriptor = files.create(partial)
    try:
        _write_members(files, descriptor, members)
        files.sync(descriptor)
        files.rename(partial, path)
        files.sync_folder(path.parent)
    finally:
        files.close(descriptor)
        files.remove(partial)


def _write_members(
    files: FileSystem, descriptor: int, members: Iterable[tuple[str, int, Iterable[bytes]]]
) -> None:
    total = 0
    for name, size, content in members:
        info = TarInfo(name)
        info.size, info.mode = size, 0o644
        files.write(descriptor, info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict"))
        for chunk in content:
            files.write(descriptor, chunk)
        files.write(descriptor, bytes(-size % BLOCKSIZE))
        total += BLOCKSIZE + size + -size % BLOCKSIZE
    files.write(descriptor, bytes(_MIN_END_BYTES + -(total + _MIN_END_BYTES) % RECORDSIZE))


def _parse_header(header: bytes, offset: int, size: int) -> ArchiveMember:
    """Parse a header, and refuse anything but a plain file."""
    try:
        info = TarInfo.frombuf(header, "ascii", "strict")
    except (tarfile.HeaderError, ValueError) as error:
        where = "the bundle is not a tar" if offset == BLOCKSIZE else "the bundle is damaged"
        raise BundleError(f"{where}: a header cannot be read: {error}") from error
    if info.type != tarfile.REGTYPE:
        kind = _REFUSED_TYPES.get(info.type, f"a member of the type {info.type!r}")
        raise BundleError(f"the bundle holds {kind}, {info.name!r}: only plain files are allowed")
    if not _PLAIN_NAME.match(info.name):
        raise BundleError(
            f"the bundle holds a file with the name {info.name!r}, which is not allowed"
        )
    if not _is_ustar(header, info):
        raise BundleError(f"the header of {info.name} in the bundle is not that of a plain file")
    if info.size > size - offset:
        raise BundleError(f"{info.name} should have {info.size} bytes; the bundle ends before")
    return ArchiveMember(info.name, offset, info.size)


def _is_ustar(header: bytes, info: TarInfo) -> bool:
    """Return whether a header has a short name and an octal size, and nothing else but unused fields (mode, owner, time)."""
    return bool(
        header[:100] == info.name.encode().ljust(100, b"\0")
        and _OCTAL.fullmatch(header[124:136])
        and not any(header[157:257])
        and header[257:265] == tarfile.POSIX_MAGIC
        and not any(header[345:])
    )


def _check_member(member: ArchiveMember, names: set[str]) -> None:
    if not names and member.name != ENVELOPE_NAME:
        raise BundleError(f"the bundle begins with {member.name}; {ENVELOPE_NAME} must come first")
    if not names and member.size_bytes > MAX_ENVELOPE_BYTES:
        raise BundleError(
            f"the envelope has {member.size_bytes} bytes; {MAX_ENVELOPE_BYTES} are allowed"
        )
    if member.name in names:
        raise BundleError(f"the bundle holds {member.name} twice")
    if len(names) > MAX_FILES:
        raise BundleError(f"the bundle holds more than {MAX_FILES} files")


def _next_header_offset(file: BinaryIO, member: ArchiveMember) -> int:
    """Return the offset of the next header, and check that the padding before it is empty."""
    end = member.offset + member.size_bytes
    padding = -end % BLOCKSIZE
    if any(read_at(file, end, padding)):
        raise BundleError(f"the bundle holds data between {member.name} and the next file")
    return end + padding


def _check_end(file: BinaryIO, offset: int, size: int) -> None:
    left = size - offset
    if left < _MIN_END_BYTES:
        raise BundleError("the bundle has no end marker: it is incomplete")
    if left > RECORDSIZE + _MIN_END_BYTES or any(read_at(file, offset, left)):
        raise BundleError("the bundle has data after its end marker")
