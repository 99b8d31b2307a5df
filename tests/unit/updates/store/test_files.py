"""The thin layer over the disk: the real one and the one of the tests do the same; what fails comes out as ours."""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from edged.errors import StoreError
from edged.host.files import (
    FileSystem,
    LocalFileSystem,
    replace_file,
    temporary_path,
    write_new_file,
)
from support.disk import STATE_DIR, MemoryDisk


@dataclass(frozen=True)
class FilesBench:
    files: FileSystem
    root: Path

    def write(self, name: str, content: bytes) -> None:
        write_new_file(self.files, self.root / name, [content])

    def assert_refused(self, action: Callable[[], object], *words: str) -> None:
        with pytest.raises(StoreError) as caught:
            action()
        for word in words:
            assert word in str(caught.value)


@pytest.fixture(params=["local", "memory"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> FilesBench:
    return (
        FilesBench(LocalFileSystem(), tmp_path)
        if request.param == "local"
        else FilesBench(MemoryDisk(), STATE_DIR)
    )


def test_what_is_written_is_read(disk: FilesBench) -> None:
    path = disk.root / "a"
    write_new_file(disk.files, path, [b"one", b"", b"two"])
    assert disk.files.read(path, 6) == b"onetwo"
    assert disk.files.size(path) == 6
    with disk.files.open(path) as file:
        assert [file.read(4), file.read(4), file.read(4)] == [b"onet", b"wo", b""]
        file.seek(3)
        assert file.read() == b"two"


def test_a_file_is_continued_at_its_end(disk: FilesBench) -> None:
    for piece in (b"one", b"two"):
        descriptor = disk.files.open_for_append(disk.root / "a")
        disk.files.write(descriptor, piece)
        disk.files.sync(descriptor)
        disk.files.close(descriptor)
    assert disk.files.read(disk.root / "a", 100) == b"onetwo"


def test_a_new_file_takes_no_name_that_is_there(disk: FilesBench) -> None:
    disk.write("a", b"old")
    disk.files.make_link("nowhere", disk.root / "link")
    disk.assert_refused(lambda: disk.write("a", b"new"), str(disk.root / "a"))
    disk.assert_refused(lambda: disk.write("link", b"new"), str(disk.root / "link"))
    assert disk.files.read(disk.root / "a", 10) == b"old"


def test_a_link_is_never_followed(disk: FilesBench) -> None:
    disk.write("a", b"content")
    disk.files.make_link("a", disk.root / "link")
    assert disk.files.read_link(disk.root / "link") == "a"
    assert disk.files.read_link(disk.root / "a") is None
    assert disk.files.read_link(disk.root / "none") is None
    disk.assert_refused(lambda: disk.files.read(disk.root / "link", 10), "link")
    disk.assert_refused(lambda: disk.files.open_for_append(disk.root / "link"), "link")


def test_a_dangling_link_is_there(disk: FilesBench) -> None:
    disk.files.make_link("nowhere", disk.root / "link")
    assert disk.files.exists(disk.root / "link")
    assert not disk.files.exists(disk.root / "nowhere")
    disk.files.remove(disk.root / "link")
    assert not disk.files.exists(disk.root / "link")


def test_folders(disk: FilesBench) -> None:
    folder = disk.root / "folder"
    assert disk.files.list_names(folder) == ()
    disk.files.make_folder(folder)
    disk.assert_refused(lambda: disk.files.make_folder(folder), "folder")
    disk.write("folder/b", b"")
    disk.write("folder/a", b"")
    disk.files.sync_folder(folder)
    assert disk.files.list_names(folder) == ("a", "b")
    disk.assert_refused(lambda: disk.files.remove_folder(folder), "folder")
    disk.assert_refused(lambda: disk.files.remove(folder), "folder")
    disk.assert_refused(lambda: disk.files.read(folder, 10), "not a regular file")
    for name in ("a", "b"):
        disk.files.remove(folder / name)
    disk.files.remove_folder(folder)
    assert disk.files.list_names(disk.root) == ()


def test_a_file_is_no_folder(disk: FilesBench) -> None:
    disk.write("a", b"")
    disk.assert_refused(lambda: disk.files.list_names(disk.root / "a"), "a")
    disk.assert_refused(lambda: disk.files.sync_folder(disk.root / "a"), "a")
    disk.assert_refused(lambda: disk.files.remove_folder(disk.root / "a"), "a")
    assert not disk.files.exists(disk.root / "a" / "b")
    assert disk.files.size(disk.root / "a" / "b") == 0


def test_a_rename_takes_the_place_of_what_is_there(disk: FilesBench) -> None:
    disk.write("old", b"old")
    disk.write("new", b"new")
    disk.files.make_link("old", disk.root / "link")
    disk.files.rename(disk.root / "new", disk.root / "old")
    assert disk.files.read(disk.root / "old", 10) == b"new"
    disk.files.rename(disk.root / "link", disk.root / "old")
    assert disk.files.read_link(disk.root / "old") == "old"
    assert disk.files.list_names(disk.root) == ("old",)
    disk.assert_refused(lambda: disk.files.rename(disk.root / "none", disk.root / "x"), "none")


def test_a_folder_is_not_overwritten(disk: FilesBench) -> None:
    for name in ("a", "b"):
        disk.files.make_folder(disk.root / name)
        disk.write(f"{name}/file", b"")
    disk.write("file", b"")
    disk.assert_refused(lambda: disk.files.rename(disk.root / "a", disk.root / "b"))
    disk.assert_refused(lambda: disk.files.rename(disk.root / "file", disk.root / "b"))
    disk.assert_refused(lambda: disk.files.rename(disk.root / "a", disk.root / "file"))


def test_what_is_missing_is_named(disk: FilesBench) -> None:
    none = disk.root / "none"
    disk.files.remove(none)
    assert disk.files.size(none) == 0
    for act in (
        lambda: disk.files.read(none, 10),
        lambda: disk.files.open(none),
        lambda: disk.files.remove_folder(none),
        lambda: disk.files.sync_folder(none),
        lambda: disk.files.create(none / "a"),
        lambda: disk.files.make_folder(none / "a"),
        lambda: disk.files.make_link("a", none / "a"),
    ):
        disk.assert_refused(act, "none", "No such file")


def test_more_than_is_allowed_is_not_read(disk: FilesBench) -> None:
    disk.write("a", b"12345")
    disk.assert_refused(lambda: disk.files.read(disk.root / "a", 4), "larger than 4 bytes")


def test_a_file_is_replaced_whole(disk: FilesBench) -> None:
    path = disk.root / "a"
    disk.write(temporary_path(path).name, b"left by a crash")
    for content in (b"one", b"two"):
        replace_file(disk.files, path, content)
        assert disk.files.read(path, 10) == content
    assert disk.files.list_names(disk.root) == ("a",)


def test_there_is_room(disk: FilesBench) -> None:
    assert disk.files.free_bytes(disk.root) > 0


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="not a regular file"):
        LocalFileSystem().read(tmp_path / "pipe", 10)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    files, before = LocalFileSystem(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (only counted)
    write_new_file(files, tmp_path / "a", [b"x"])
    files.read(tmp_path / "a", 10)
    files.sync_folder(tmp_path)
    for name in ("", "none"):
        with pytest.raises(StoreError):
            files.read(tmp_path / name, 10)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 (only counted)


def test_only_the_owner_writes(tmp_path: Path) -> None:
    write_new_file(LocalFileSystem(), tmp_path / "a", [b"x"])
    LocalFileSystem().make_folder(tmp_path / "b")
    for name in ("a", "b"):
        assert not stat.S_IMODE((tmp_path / name).stat().st_mode) & 0o022


def test_closing_never_raises(tmp_path: Path) -> None:
    descriptor = LocalFileSystem().create(tmp_path / "a")
    LocalFileSystem().close(descriptor)
    LocalFileSystem().close(descriptor)


CALLS: dict[str, tuple[str, Callable[[FileSystem, Path], object]]] = {
    "read": ("open", lambda files, path: files.read(path, 10)),
    "open": ("open", lambda files, path: files.open(path)),
    "list_names": ("listdir", lambda files, path: files.list_names(path)),
    "exists": ("lstat", lambda files, path: files.exists(path)),
    "size": ("lstat", lambda files, path: files.size(path)),
    "read_link": ("lstat", lambda files, path: files.read_link(path)),
    "make_folder": ("mkdir", lambda files, path: files.make_folder(path)),
    "create": ("open", lambda files, path: files.create(path)),
    "open_for_append": ("open", lambda files, path: files.open_for_append(path)),
    "make_link": ("symlink", lambda files, path: files.make_link("x", path)),
    "rename": ("rename", lambda files, path: files.rename(path, path)),
    "remove": ("unlink", lambda files, path: files.remove(path)),
    "remove_folder": ("rmdir", lambda files, path: files.remove_folder(path)),
    "sync_folder": ("open", lambda files, path: files.sync_folder(path)),
    "free_bytes": ("statvfs", lambda files, path: files.free_bytes(path)),
}
SAME = {"lstat": ("stat",), "listdir": ("scandir",)}
"""Which of them pathlib calls depends on Python's version."""
ADVICE = {errno.ENOSPC: "make room", errno.EIO: "failing", errno.EROFS: "mount it writable"}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("number", ADVICE)
def test_system_errors_come_out_as_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    function, act = CALLS[call]
    path = tmp_path / "the path"

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        for one in (function, *SAME.get(function, ())):
            broken.setattr(os, one, fail)
        with pytest.raises(StoreError) as caught:
            act(LocalFileSystem(), path)
    assert str(path) in str(caught.value)
    assert os.strerror(number) in str(caught.value)
    assert ADVICE[number] in str(caught.value)


@pytest.mark.parametrize("function", ["write", "fsync"])
def test_a_file_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, function, fail)
        with pytest.raises(StoreError, match=r"cannot write .*/a: No space left.*make room"):
            write_new_file(LocalFileSystem(), tmp_path / "a", [b"x"])


def test_a_disk_that_fails_in_the_middle_of_a_file() -> None:
    """`/proc/self/mem` is a regular file whose beginning cannot be read: EIO by a real kernel."""
    with LocalFileSystem().open(Path("/proc/self/mem")) as file:
        for read in (lambda: file.read(10), file.read, lambda: file.readinto(bytearray(4))):  # type: ignore[attr-defined]  # a raw file has it
            with pytest.raises(StoreError, match="cannot read /proc/self/mem: Input/output"):
                read()


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:2]))
    write_new_file(LocalFileSystem(), tmp_path / "a", [b"12345"])
    assert (tmp_path / "a").read_bytes() == b"12345"
