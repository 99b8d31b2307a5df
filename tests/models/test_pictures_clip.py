"""Clips with ground truth."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edged.types import ColourMatrix, ColourSpace
from edged_models.errors import PicturesError
from edged_models.pictures.open_pictures import open_pictures
from support.colour_bars import BARS, measure_bars, write_bars
from support.data_files import data_file

FRAMES = 12


def _make(folder: Path, rows: str | None) -> Path:
    """Write a clip in which frame i has the brightness 20 * i."""
    path = folder / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for i in range(FRAMES):
        writer.write(np.full((48, 64, 3), 20 * i, np.uint8))
    writer.release()
    if rows is not None:
        path.with_suffix(".tsv").write_text(rows)
    return path


def test_only_labelled_frames_are_used(tmp_path: Path) -> None:
    path = _make(tmp_path, "2\t0\t[]\n7\t1\t[(0.9, [0.1, 0.2, 0.5, 0.4])]\n")
    pictures = open_pictures(f"{path}:cat")
    assert pictures.labels == ("cat",)
    empty, full = pictures
    assert [round(float(p.image.mean()) / 20) for p in (empty, full)] == [2, 7]
    assert np.allclose(full.boxes, [[0.2, 0.1, 0.4, 0.5]])
    assert len(empty.boxes) == 0
    assert np.array_equal(pictures[1].image, full.image)


def test_boxes_may_have_labels(tmp_path: Path) -> None:
    row = "0\t2\t[(1, [0, 0, 1, 1], 'dog'), (1, [0, 0, 1, 1])]\n"
    path = _make(tmp_path, row)
    assert open_pictures(str(path)).labels == ("dog", "object")
    pictures = open_pictures(f"{path}:cat", labels=("cat", "dog"))
    assert pictures[0].classes.tolist() == [1, 0]
    with pytest.raises(PicturesError, match=r"'dog'.*not among"):
        open_pictures(f"{path}:cat", labels=("cat",))


def test_without_ground_truth_all_frames_are_used(tmp_path: Path) -> None:
    pictures = open_pictures(str(_make(tmp_path, None)))
    assert len(list(pictures)) == FRAMES
    assert pictures.labels == ()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("0\t0\t[]\n0\t1\t[]\n", "line 2"),
        ("0\t1\t[(1, [0, 0])]\n", "line 1"),
        ("0\t0\n", "line 1: .*2 columns"),
        ("0\t1\t[(1, [0.5, 0, 0.1, 1])]\n", "is not a box"),
        ("0\t0\t[]\n0\t0\t[]\n", "line 2: frame 0 is out of order"),
        ("0\t0\t__import__('os')\n", "line 1"),
        ("", "is empty"),
    ],
)
def test_errors_name_the_mistake(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(PicturesError, match=message):
        open_pictures(str(_make(tmp_path, rows)))


def test_a_clip_that_ends_before_its_ground_truth(tmp_path: Path) -> None:
    path = _make(tmp_path, f"{FRAMES + 5}\t0\t[]\n")
    with pytest.raises(PicturesError, match="ends before frame 17"):
        list(open_pictures(str(path)))
    with pytest.raises(PicturesError, match="ends before frame 17"):
        open_pictures(str(path))[0]


def test_a_file_that_is_not_a_clip(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no clip")
    with pytest.raises(PicturesError, match="not a video"):
        open_pictures(str(path))


@pytest.mark.parametrize("colour", [ColourSpace(), ColourSpace(ColourMatrix.BT709)])
def test_the_colours_are_those_of_the_clips_own_tags(tmp_path: Path, colour: ColourSpace) -> None:
    path = write_bars(tmp_path / "clip.mp4", colour, options={"crf": "1"})
    pictures = open_pictures(str(path))
    assert len(pictures) == 3
    assert np.abs(measure_bars(pictures[2].image) - BARS).max() <= 2.5


def test_a_frame_by_its_number_is_the_one_of_a_whole_pass() -> None:
    """The clip has key frames that are far apart, and frames that are stored in another order than they are shown."""
    pictures = open_pictures(f"{data_file('video/one-by-one-person-detection.mp4')}:person")
    for index, picture in enumerate(pictures):
        if index in (0, 1, 57, 139):
            assert np.array_equal(picture.image, picture.image)


def test_a_real_clip() -> None:
    path = data_file("video/one-by-one-person-detection.mp4")
    pictures = open_pictures(f"{path}:person")
    assert len(pictures) == 140
    assert len(pictures[0].boxes) == 0
    assert np.allclose(pictures[7].boxes, [[0.45, 0.215, 0.647, 0.949]])
