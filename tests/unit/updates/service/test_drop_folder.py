"""The drop folder, with everything in it that can lie there: nothing stops another bundle, and nothing is lost."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from edged.updates.service.drop_folder import DropFolder
from support.bundles import SigningKeys, make_bundle

SIGNING = SigningKeys()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_bundle(tmp_path_factory.mktemp("bundle"), SIGNING).read_bytes()


def look_twice(folder: DropFolder) -> Path | None:
    return folder.take_next_bundle() or folder.take_next_bundle()


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


STRANGERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a dangling link": (
        lambda path: path.symlink_to("gone.edgem"),
        "a link to a file that does not",
    ),
    "a link to itself": (lambda path: path.symlink_to(path.name), "link"),
    "a folder": (Path.mkdir, "a folder"),
    "a named pipe": (os.mkfifo, "a named pipe"),
    "a socket": (make_socket, "a socket"),
    "an empty file": (Path.touch, "empty"),
    "a part of a bundle": (lambda path: path.write_bytes(b"envelope.js"), "ends too early"),
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_what_is_no_bundle_stops_no_other(tmp_path: Path, whole: bytes, kind: str) -> None:
    make, words = STRANGERS[kind]
    make(tmp_path / "a.edgem")
    (tmp_path / "b.edgem").write_bytes(whole)
    folder = DropFolder(tmp_path)
    assert look_twice(folder) == tmp_path / "b.edgem"
    assert folder.problem is not None
    assert "a.edgem: " in folder.problem
    assert words in folder.problem
    folder.remove_bundle(str(tmp_path / "b.edgem"))
    assert not (tmp_path / "b.edgem").exists()
    assert look_twice(folder) is None
    assert os.path.lexists(tmp_path / "a.edgem"), "what is not installed is left alone"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "a.edgem").write_bytes(whole)
    (tmp_path / "a.edgem").chmod(0)
    folder = DropFolder(tmp_path)
    assert look_twice(folder) is None
    assert "Permission denied" in (folder.problem or "")
    (tmp_path / "a.edgem").chmod(0o600)
    assert look_twice(folder) == tmp_path / "a.edgem"


def test_a_name_that_is_no_text_is_told_and_its_file_kept(tmp_path: Path, whole: bytes) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff.edgem"
    with open(odd, "wb") as file:  # noqa: PTH123 (a name in bytes)
        file.write(whole)
    (tmp_path / "b\n\x1b.edgem").write_bytes(whole)
    folder = DropFolder(tmp_path)
    assert look_twice(folder) == tmp_path / "b\n\x1b.edgem", "odd, but it can be recorded"
    assert "rename it" in (folder.problem or "")
    (folder.problem or "").encode()
    assert os.path.lexists(odd)


def test_a_file_that_is_still_being_written_waits(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "a.edgem"
    folder = DropFolder(tmp_path)
    for size in (1, 100, 600, len(whole) // 2, len(whole) - 20_000, len(whole) - 10_000):
        path.write_bytes(whole[: max(size, 1)])
        assert folder.take_next_bundle() is None, "it has changed"
        assert folder.is_settling
        if size < len(whole) - 10_000:
            assert folder.take_next_bundle() is None, "it ends too early"
            assert "still being copied" in (folder.problem or "")
    path.write_bytes(whole)
    assert look_twice(folder) == path
    assert folder.problem is None


def test_a_file_that_changed_since_it_was_taken_is_kept_and_given_again(
    tmp_path: Path, whole: bytes
) -> None:
    path = tmp_path / "a.edgem"
    path.write_bytes(b"not a bundle at all")
    folder = DropFolder(tmp_path)
    assert look_twice(folder) == path
    assert look_twice(folder) is None
    path.write_bytes(whole)
    folder.remove_bundle(str(path))
    assert path.exists()
    assert look_twice(folder) == path
    folder.remove_bundle(str(path))
    assert not path.exists()


def test_a_folder_that_is_none_is_told(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "incoming"
    folder = DropFolder(path)
    assert look_twice(folder) is None
    assert folder.problem is None, "it need not exist"
    path.write_text("a file")
    assert look_twice(folder) is None
    assert "cannot be listed" in (folder.problem or "")
    path.unlink()
    path.mkdir()
    (path / "a.edgem").write_bytes(whole)
    assert look_twice(folder) == path / "a.edgem"


def test_many_problems_are_told_in_one_line(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.edgem").symlink_to("gone")
    folder = DropFolder(tmp_path)
    assert look_twice(folder) is None
    assert "and 6 more" in (folder.problem or "")
