"""Pictures without labels, and reading picture files."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures_on_disk import write_picture

from edged_models.errors import PicturesError
from edged_models.pictures.open_pictures import open_pictures
from edged_models.pictures.subset import take_evenly


def test_all_pictures_in_order_without_objects(tmp_path: Path) -> None:
    for name in ("b/2.png", "a.jpg", "b/1.webp"):
        write_picture(tmp_path / name)
    (tmp_path / "readme.txt").write_text("no picture")
    pictures = open_pictures(str(tmp_path))
    assert [Path(p.name).name for p in pictures] == ["a.jpg", "1.webp", "2.png"]
    assert pictures.labels == ()
    assert pictures[0].boxes.shape == (0, 4)
    assert len(open_pictures(str(tmp_path / "a.jpg"))) == 1


def test_colours_are_rgb_and_orientation_is_honoured(tmp_path: Path) -> None:
    red_left = np.zeros((40, 80, 3), np.uint8)
    red_left[:, :40, 2] = 255
    jpeg = cv2.imencode(".jpg", red_left)[1].tobytes()
    # An APP1 segment with one EXIF entry: orientation 6, to be turned clockwise.
    entry = b"\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + entry + b"\x00" * 4
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "turned.jpg").write_bytes(jpeg[:2] + segment + jpeg[2:])
    image = open_pictures(str(tmp_path))[0].image
    assert image.shape == (80, 40, 3)
    assert image[10, 20, 0] > 200
    assert image[70, 20, 0] < 50


@pytest.mark.parametrize("share", [0.0, 0.5, 0.98])
def test_a_damaged_picture_is_refused(tmp_path: Path, share: float) -> None:
    path = write_picture(tmp_path / "a.jpg", width=300, height=300)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(PicturesError, match=r"a.jpg is not a picture, or is damaged"):
        open_pictures(str(tmp_path))[0]


def test_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(PicturesError, match="holds no pictures"):
        open_pictures(str(tmp_path))
    with pytest.raises(PicturesError, match="no such file"):
        open_pictures(str(tmp_path / "nowhere"))
    note = tmp_path / "notes.txt"
    note.write_text("no pictures")
    with pytest.raises(PicturesError, match="neither a folder"):
        open_pictures(str(note))


def test_a_subset_is_spread_evenly(tmp_path: Path) -> None:
    for i in range(10):
        write_picture(tmp_path / f"{i}.png")
    pictures = open_pictures(str(tmp_path))
    assert [Path(p.name).stem for p in take_evenly(pictures, 4)] == ["0", "2", "5", "7"]
    assert take_evenly(pictures, 10) is pictures
    assert take_evenly(pictures, None) is pictures
