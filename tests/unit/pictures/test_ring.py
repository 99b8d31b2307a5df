"""The pictures on disk: their number is bounded, a restart finds them, and neither a power cut nor a full disk leaves half of one."""

import errno
from pathlib import Path

import pytest

from edged.errors import StoreError
from edged.host.files import LocalFileSystem, to_store_error
from edged.pictures.ring import PictureRing, StoredPicture, parse_name

_NO_LIMIT = {"max_bytes": 10**9, "oldest_ms": 0}
_START_MS = 1_800_000_000_000


def picture(
    number: int, *, camera: str = "a", label: str = "person", size: int = 100
) -> StoredPicture:
    return StoredPicture(
        event_id=f"5c596dbb-{number}",
        camera=camera,
        label=label,
        taken_ms=_START_MS + number,
        size_bytes=size,
    )


def jpeg(size: int = 100) -> bytes:
    return b"\xff\xd8" + b"x" * (size - 4) + b"\xff\xd9"


def ring(folder: Path, files: LocalFileSystem | None = None) -> PictureRing:
    return PictureRing(files or LocalFileSystem(), folder / "pictures")


def ids(ring: PictureRing, *cameras: str) -> list[str]:
    found = ring.list_newest(cameras or ("a", "b"), 100)
    return [one.event_id.rpartition("-")[2] for one in found]


def test_what_is_stored_is_listed_newest_first_and_read(tmp_path: Path) -> None:
    pictures = ring(tmp_path)
    assert ids(pictures) == []
    assert pictures.read("5c596dbb-1", ["a"]) is None
    for number, camera in ((1, "a"), (2, "b"), (3, "a")):
        pictures.add(picture(number, camera=camera), jpeg(), **_NO_LIMIT)
    assert ids(pictures) == ["3", "2", "1"]
    assert ids(pictures, "b") == ["2"]
    assert [one.event_id for one in pictures.list_newest(["a", "b"], 1)] == ["5c596dbb-3"]
    assert pictures.read("5c596dbb-2", ["b"]) == jpeg()
    assert pictures.read("5c596dbb-2", ["a"]) is None, "a camera that is not asked for"
    assert pictures.read("../../etc/passwd", ["a"]) is None


@pytest.mark.parametrize("label", ["person", "cell phone", "Fußgänger~/..", "人" * 100, "%7E", ""])
def test_a_restart_finds_every_label(tmp_path: Path, label: str) -> None:
    ring(tmp_path).add(picture(1, label=label), jpeg(), **_NO_LIMIT)
    (found,) = ring(tmp_path).list_newest(["a"], 10)
    assert found.label == label or label.startswith(found.label)
    assert ring(tmp_path).read(found.event_id, ["a"]) == jpeg()
    assert len(found.file_name.encode()) < 255


def test_a_better_picture_of_the_same_object_takes_the_place_of_the_first(tmp_path: Path) -> None:
    pictures = ring(tmp_path)
    pictures.add(picture(1), jpeg(), **_NO_LIMIT)
    better = StoredPicture(
        event_id="5c596dbb-1", camera="a", label="person", taken_ms=_START_MS + 9, size_bytes=300
    )
    pictures.add(better, jpeg(300), **_NO_LIMIT)
    assert pictures.list_newest(["a"], 10) == (better,)
    assert ring(tmp_path).list_newest(["a"], 10) == (better,)
    assert len(list((tmp_path / "pictures").iterdir())) == 1


def test_the_oldest_go_when_there_are_too_many_bytes_also_after_a_restart(tmp_path: Path) -> None:
    for number in range(1, 8):
        ring(tmp_path).add(picture(number), jpeg(), max_bytes=350, oldest_ms=0)
        sizes = [path.stat().st_size for path in (tmp_path / "pictures").iterdir()]
        assert sum(sizes) <= 350
    assert ids(ring(tmp_path)) == ["7", "6", "5"]
    pictures = ring(tmp_path)
    pictures.trim(max_bytes=150, oldest_ms=0)
    assert ids(pictures) == ids(ring(tmp_path)) == ["7"]
    pictures.add(picture(8, size=400), jpeg(400), max_bytes=350, oldest_ms=0)
    assert ids(pictures) == ["7"], "one that is too large is not stored, and removes nothing"


def test_the_old_go(tmp_path: Path) -> None:
    pictures = ring(tmp_path)
    for number in range(1, 6):
        pictures.add(picture(number), jpeg(), **_NO_LIMIT)
    pictures.trim(max_bytes=10**9, oldest_ms=_START_MS + 4)
    assert ids(pictures) == ids(ring(tmp_path)) == ["5", "4"]


def test_a_camera_that_must_have_none_has_none(tmp_path: Path) -> None:
    pictures = ring(tmp_path)
    for number, camera in ((1, "a"), (2, "b"), (3, "a")):
        pictures.add(picture(number, camera=camera), jpeg(), **_NO_LIMIT)
    pictures.trim(**_NO_LIMIT, without_cameras=["a"])
    assert ids(pictures) == ids(ring(tmp_path)) == ["2"]


def test_what_a_power_cut_leaves_is_removed_and_other_files_stay(tmp_path: Path) -> None:
    ring(tmp_path).add(picture(1), jpeg(), **_NO_LIMIT)
    folder = tmp_path / "pictures"
    half = folder / f".{picture(2).file_name}.new"
    half.write_bytes(jpeg()[:50])
    (folder / picture(3).file_name).touch()
    (folder / "README").write_text("mine")
    assert ids(ring(tmp_path)) == ["1"]
    assert not half.exists()
    assert (folder / "README").exists()


class FullDisk(LocalFileSystem):
    """A disk that holds a number of pictures."""

    def __init__(self, folder: Path, capacity: int) -> None:
        self._folder = folder / "pictures"
        self._capacity = capacity

    def write(self, descriptor: int, content: bytes) -> None:
        if len([one for one in self._folder.iterdir() if one.suffix == ".jpg"]) >= self._capacity:
            error = OSError(errno.ENOSPC, "No space left on device")
            raise to_store_error(error, "write", self._folder) from error
        super().write(descriptor, content)


def test_a_full_disk_gets_room_by_the_oldest_pictures(tmp_path: Path) -> None:
    pictures = ring(tmp_path, FullDisk(tmp_path, 3))
    for number in range(1, 6):
        pictures.add(picture(number), jpeg(), **_NO_LIMIT)
    assert ids(pictures)[0] == "5"
    assert ids(pictures) == ids(ring(tmp_path))


def test_a_disk_that_stays_full_is_an_error_and_leaves_no_half(tmp_path: Path) -> None:
    pictures = ring(tmp_path, FullDisk(tmp_path, 0))
    with pytest.raises(StoreError, match="No space"):
        pictures.add(picture(1), jpeg(), **_NO_LIMIT)
    assert not list((tmp_path / "pictures").iterdir())
    assert ids(pictures) == ids(ring(tmp_path)) == []


@pytest.mark.parametrize(
    "name", ["x.jpg", "1~2~3.jpg", "0000000000001~../x~a~b.jpg", "", "a~b~c~d.jpg"]
)
def test_other_names_are_no_pictures(name: str) -> None:
    assert parse_name(name, 10) is None
