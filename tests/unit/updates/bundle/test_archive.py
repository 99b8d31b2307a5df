"""Archives: what a tar can hold besides plain files is refused, and no more is read than must be."""

import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from tarfile import BLOCKSIZE, TarInfo
from typing import Literal

import pytest

from edged.errors import BundleError, StoreError
from edged.host.files import LocalFileSystem
from edged.updates.bundle.archive import (
    ENVELOPE_NAME,
    MAX_ARCHIVE_BYTES,
    ArchiveMember,
    iter_members,
    read_at,
    write_archive,
)
from edged.updates.bundle.envelope import MAX_ENVELOPE_BYTES
from edged.updates.bundle.manifest import MAX_FILES
from support.archive_index import read_index

Part = tuple[TarInfo, bytes]


def member(name: str, content: bytes = b"content", **changes: object) -> Part:
    info = TarInfo(name)
    info.size = len(content)
    for field, value in changes.items():
        setattr(info, field, value)
    return info, content


def tar(*parts: Part, form: Literal[0, 1, 2] = tarfile.USTAR_FORMAT) -> bytes:
    """As the standard library writes it; sizes need not be true."""
    envelope = block(member(ENVELOPE_NAME, b"{}"), tarfile.USTAR_FORMAT)
    written = b"".join([envelope, *(block(part, form) for part in parts)])
    return written + bytes(tarfile.RECORDSIZE - len(written) % tarfile.RECORDSIZE)


def block(part: Part, form: Literal[0, 1, 2]) -> bytes:
    info, content = part
    return info.tobuf(form, "ascii", "strict") + content + bytes(-len(content) % BLOCKSIZE)


def patched(place: int, new: bytes) -> bytes:
    """A tar with two members, the second's header changed at that place, and its checksum mended."""
    content = bytearray(tar(member("a")))
    start = 2 * BLOCKSIZE
    content[start + place : start + place + len(new)] = new
    fix_checksum(content, start)
    return bytes(content)


def fix_checksum(content: bytearray, start: int) -> None:
    content[start + 148 : start + 156] = b" " * 8
    total = sum(content[start : start + BLOCKSIZE])
    content[start + 148 : start + 156] = b"%06o\0 " % total


def index(content: bytes) -> dict[str, tuple[int, int]]:
    read = read_index(io.BytesIO(content), len(content))
    assert read.envelope.name == ENVELOPE_NAME
    return {name: (one.offset, one.size_bytes) for name, one in read.members.items()}


def refusal(content: bytes) -> str:
    with pytest.raises(BundleError) as caught:
        index(content)
    return str(caught.value)


def test_plain_files_are_found_where_they_are() -> None:
    content = tar(member("model.tflite", b"m" * 1000), member("1.png", b""), member("goldens.json"))
    assert index(content) == {
        "model.tflite": (1536, 1000),
        "1.png": (3072, 0),
        "goldens.json": (3584, 7),
    }


def test_what_gnu_tar_and_other_owners_write_in_plain_is_taken() -> None:
    content = tar(member("a", mode=0o600, uid=1000, gid=7, uname="me", gname="us", mtime=1e9))
    assert index(content) == {"a": (1536, 7)}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.DIRTYPE, "a folder"),
        (tarfile.FIFOTYPE, "a fifo"),
        (tarfile.GNUTYPE_SPARSE, "a sparse file"),
        (tarfile.GNUTYPE_LONGNAME, "a long name"),
        (tarfile.GNUTYPE_LONGLINK, "a long link"),
        (tarfile.XHDTYPE, "a pax header"),
        (tarfile.XGLTYPE, "a pax header"),
        (b"7", "a member of the type b'7'"),
        (b"\0", "a member of the type b'\\x00'"),
    ],
)
def test_what_is_no_file_is_refused(name: bytes, kind: str) -> None:
    assert refusal(tar(member("a", type=name))).startswith(f"the bundle holds {kind}, 'a'")


def test_what_the_standard_library_makes_of_long_names_is_refused() -> None:
    long = TarInfo("a" * 101), b""
    assert "a pax header" in refusal(tar(long, form=tarfile.PAX_FORMAT))
    assert "a long name" in refusal(tar(long, form=tarfile.GNU_FORMAT))


def test_a_link_that_the_standard_library_packs_is_refused(tmp_path: Path) -> None:
    (tmp_path / ENVELOPE_NAME).write_bytes(b"{}")
    (tmp_path / "link").symlink_to("/etc/passwd")
    out = tmp_path / "out.tar"
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(tmp_path / ENVELOPE_NAME, ENVELOPE_NAME)
        archive.add(tmp_path / "link", "link")
    assert "a symbolic link, 'link'" in refusal(out.read_bytes())


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "..",
        ".",
        "./a",
        "/a",
        "/etc/passwd",
        "a/b",
        "a/../b",
        ".a",
        "-a",
        "a b",
        "a\n",
        "a\\b",
        "",
    ],
)
def test_names_that_are_not_plain_are_refused(name: str) -> None:
    assert "which is not allowed" in refusal(tar(member(name)))


def test_a_name_that_hides_its_tail_is_refused() -> None:
    assert "not that of a plain file" in refusal(patched(0, b"a\0/../../etc/passwd"))


def test_a_name_outside_ascii_is_refused() -> None:
    assert "a header cannot be read" in refusal(patched(0, "ä".encode()))


@pytest.mark.parametrize(
    ("place", "new"),
    [
        (345, b"../..\0"),  # a prefix, which would stand before the name
        (345, b"\0x"),  # behind the end of an empty one
        (500, b"x"),  # behind the header
        (157, b"/etc/passwd"),  # where a link would lead
        (257, b"ustar  \0"),  # GNU's own form
        (257, b"\0\0\0\0\0\0\0\0"),  # V7
        (124, b"\x80\0\0\0\0\0\0\0\0\0\0\x07"),  # base 256
        (124, b"0o00000007\0\0"),  # what Python's int takes
        (124, b"0_0000000007"),
        (124, b"         7\0 "),
        (124, b"7\0\0\0\0\0\0\0\0\0\0\0"),
        (124, b"\0" * 12),
    ],
)
def test_a_header_that_could_be_read_in_two_ways_is_refused(place: int, new: bytes) -> None:
    words = refusal(patched(place, new))
    assert "not that of a plain file" in words or "which is not allowed" in words


@pytest.mark.parametrize(
    "size",
    [
        b"77777777777\0",
        b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xff" * 12,  # -1 in base 256
        b"\xff" * 11 + b"\0",
        b"-0000000007\0",
        b"00000024000\0",  # just behind the end
    ],
)
def test_sizes_beyond_the_file_and_below_zero_are_refused(size: bytes) -> None:
    assert refusal(patched(124, size))


def test_a_file_that_takes_more_than_there_is_is_named() -> None:
    words = refusal(patched(124, b"00000030000\0"))
    assert words == "a should have 12288 bytes; the bundle ends before"


def test_a_wrong_checksum_is_refused() -> None:
    content = bytearray(tar(member("a")))
    content[2 * BLOCKSIZE] = ord("b")
    assert "the bundle is damaged: a header cannot be read: bad checksum" in refusal(bytes(content))


def test_the_envelope_comes_first_and_once() -> None:
    assert f"holds {ENVELOPE_NAME} twice" in refusal(tar(member(ENVELOPE_NAME)))
    later = tar(member("a"))[2 * BLOCKSIZE :] + bytes(2 * BLOCKSIZE)
    assert f"begins with a; {ENVELOPE_NAME} must come first" in refusal(later)


def test_no_name_comes_twice() -> None:
    assert "holds a twice" in refusal(tar(member("a"), member("b"), member("a", b"other")))


def test_no_more_files_than_a_manifest_can_list() -> None:
    parts = [member(f"{n}.png", b"") for n in range(MAX_FILES + 1)]
    assert len(index(tar(*parts[:-1]))) == MAX_FILES
    assert f"more than {MAX_FILES} files" in refusal(tar(*parts))


@pytest.mark.parametrize("content", [b"", b"x", b"x" * BLOCKSIZE, bytes(4 * BLOCKSIZE)])
def test_what_is_no_tar_is_refused(content: bytes) -> None:
    assert refusal(content)


def test_an_empty_tar_is_refused() -> None:
    assert refusal(bytes(tarfile.RECORDSIZE)) == "the bundle is empty"


def test_a_tar_that_is_cut_off_anywhere_is_refused() -> None:
    content = tar(member("a", b"a" * 600), member("b"))
    end = max(place for place, byte in enumerate(content) if byte) + 1
    whole = -(-end // BLOCKSIZE) + 2
    for blocks in range(whole):
        assert "the bundle" in refusal(content[: blocks * BLOCKSIZE])
        assert "whole blocks" in refusal(content[: blocks * BLOCKSIZE + 7])
    assert index(content[: whole * BLOCKSIZE]) == index(content)


def test_nothing_hides_between_the_files_or_after_the_end() -> None:
    content = bytearray(tar(member("a")))
    for place in (2 * BLOCKSIZE - 1, 4 * BLOCKSIZE - 1):
        hiding = content.copy()
        hiding[place] = 1
        assert "data between" in refusal(bytes(hiding))
    for place in (5 * BLOCKSIZE, len(content) - 1):
        hiding = content.copy()
        hiding[place] = 1
        assert "has data after its end marker" in refusal(bytes(hiding))
    two = bytes(content) + bytes(content)
    assert "has data after its end marker" in refusal(two)
    assert "has data after its end marker" in refusal(bytes(content) + bytes(tarfile.RECORDSIZE))


class CountingFile(io.BytesIO):
    """Says how much was read of it."""

    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.read_bytes += len(content)
        return content


def bytes_read(content: bytes, size: int) -> int:
    file = CountingFile(content)
    with pytest.raises(BundleError):
        list(iter_members(file, size))
    return file.read_bytes


def test_of_endless_data_nothing_is_read() -> None:
    assert bytes_read(b"x" * BLOCKSIZE, MAX_ARCHIVE_BYTES + BLOCKSIZE) == 0
    assert bytes_read(b"x" * (1 << 20), 1 << 20) == BLOCKSIZE
    assert bytes_read(bytes(1 << 20), 1 << 20) == BLOCKSIZE
    endless = tar(member("a")) + bytes(1 << 20)
    assert bytes_read(endless, len(endless)) < len(tar(member("a")))


def test_a_huge_envelope_is_given_up_by_its_header() -> None:
    info, content = member(ENVELOPE_NAME, b"x" * (MAX_ENVELOPE_BYTES + 1))
    huge = info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(10 * BLOCKSIZE)
    huge = huge[: len(huge) // BLOCKSIZE * BLOCKSIZE]
    assert bytes_read(huge, len(huge)) == BLOCKSIZE


def test_contents_are_not_read_for_the_index() -> None:
    content = tar(member("a", b"a" * (1 << 20)))
    file = CountingFile(content)
    read_index(file, len(content))
    assert file.read_bytes < 20 * BLOCKSIZE


class FailingFile(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        del size
        raise OSError(5, "Input/output error")


def test_a_disk_that_cannot_be_read_is_not_the_bundles_fault() -> None:
    with pytest.raises(StoreError, match="cannot read the bundle: Input/output error"):
        list(iter_members(FailingFile(), BLOCKSIZE))


class ShortReadFile(io.BytesIO):
    """Gives less than it was asked for, as an unbuffered file may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 100))


def test_a_file_may_give_less_than_was_requested() -> None:
    content = tar(member("a"))
    assert len(list(iter_members(ShortReadFile(content), len(content)))) == 2
    assert read_at(ShortReadFile(content), 0, 700) == content[:700]


Write = Callable[[Iterable[tuple[str, bytes]]], bytes]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to(parts: Iterable[tuple[str, bytes]]) -> bytes:
        path = tmp_path / "made.edgem"
        members = ((name, len(content), iter([content])) for name, content in parts)
        write_archive(LocalFileSystem(), path, members)
        return path.read_bytes()

    return to


def test_what_was_written_is_read_and_always_the_same(write: Write) -> None:
    parts = [(ENVELOPE_NAME, b"{}"), ("a", b"a" * 1000), ("b", b""), ("c" * 100, b"c")]
    content = write(parts)
    assert write(parts) == content
    assert list(index(content)) == ["a", "b", "c" * 100]
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.getnames() == [name for name, _ in parts]
    assert len(content) % tarfile.RECORDSIZE == 0


def test_a_full_last_record_gets_an_end_of_its_own(write: Write) -> None:
    for blocks in range(30):
        content = write([(ENVELOPE_NAME, b"{}"), ("a", b"a" * blocks * BLOCKSIZE)])
        assert list(index(content)) == ["a"]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path, write: Write) -> None:
    before = write([(ENVELOPE_NAME, b"{}")])

    def breaks() -> Iterable[bytes]:
        yield b"half"
        raise BundleError("damaged")

    with pytest.raises(BundleError, match="damaged"):
        write_archive(LocalFileSystem(), tmp_path / "made.edgem", [("a", 8, breaks())])
    assert [path.name for path in tmp_path.iterdir()] == ["made.edgem"]
    assert (tmp_path / "made.edgem").read_bytes() == before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot write .*nowhere.*No such file"):
        write_archive(LocalFileSystem(), tmp_path / "nowhere" / "a.edgem", [])


def test_a_member_knows_its_place() -> None:
    content = tar(member("a", b"right here"))
    _, found = iter_members(io.BytesIO(content), len(content))
    assert found == ArchiveMember("a", 1536, 10)
    assert content[found.offset : found.offset + found.size_bytes] == b"right here"
