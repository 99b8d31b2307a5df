"""Pictures in the YOLO format."""

from pathlib import Path

import numpy as np
import pytest
from pictures_on_disk import write_picture

from edged_models.errors import PicturesError
from edged_models.pictures.open_pictures import open_pictures


def _make(folder: Path, row: str = "1 0.5 0.5 0.2 0.4", names: str = "names: [cat, dog]\n") -> Path:
    write_picture(folder / "images" / "val" / "a.jpg")
    write_picture(folder / "images" / "train" / "b.jpg")
    labels = folder / "labels" / "val" / "a.txt"
    labels.parent.mkdir(parents=True)
    labels.write_text(f"\n{row}\n")
    empty = folder / "labels" / "train" / "b.txt"
    empty.parent.mkdir()
    empty.touch()
    (folder / "data.yaml").write_text(f"path: .\ntrain: images/train\nval: images/val\n{names}")
    return labels


def test_boxes_and_names(tmp_path: Path) -> None:
    _make(tmp_path)
    pictures = open_pictures(str(tmp_path))
    assert pictures.labels == ("cat", "dog")
    empty, labelled = pictures
    assert np.allclose(labelled.boxes, [[0.4, 0.3, 0.6, 0.7]])
    assert labelled.classes.tolist() == [1]
    assert len(empty.boxes) == 0


def test_an_outline_becomes_its_bounding_box(tmp_path: Path) -> None:
    _make(tmp_path, row="0 0.1 0.2 0.5 0.1 0.3 0.9")
    assert np.allclose(open_pictures(str(tmp_path))[1].boxes, [[0.1, 0.1, 0.5, 0.9]])


def test_one_split_of_the_set(tmp_path: Path) -> None:
    _make(tmp_path)
    assert [Path(p.name).name for p in open_pictures(f"{tmp_path}:val")] == ["a.jpg"]
    assert len(open_pictures(f"{tmp_path / 'data.yaml'}:train")) == 1
    with pytest.raises(PicturesError, match="has no `test`"):
        open_pictures(f"{tmp_path}:test")


def test_names_by_number_are_mapped_to_the_requested_labels(tmp_path: Path) -> None:
    _make(tmp_path, names="names:\n  0: cat\n  1: fire sign\n")
    pictures = open_pictures(str(tmp_path), labels=("fire_sign", "qr_code"))
    assert pictures[1].classes.tolist() == [0]


def test_a_split_with_its_own_folder_finds_the_names_above(tmp_path: Path) -> None:
    _make(tmp_path / "valid")
    (tmp_path / "valid" / "data.yaml").unlink()
    (tmp_path / "data.yaml").write_text("names: [x, y]\ntrain: ../valid/images\n")
    assert open_pictures(str(tmp_path / "valid")).labels == ("x", "y")
    assert len(open_pictures(f"{tmp_path}:train")) == 2


def test_without_names_classes_are_numbered(tmp_path: Path) -> None:
    _make(tmp_path)
    (tmp_path / "data.yaml").unlink()
    assert open_pictures(str(tmp_path)).labels == ("class-0", "class-1")
    with pytest.raises(PicturesError, match="no class 1"):
        open_pictures(str(tmp_path), labels=("cat",))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2 0.5 0.5 0.1 0.1", "a.txt, line 2: there is no class 2, only 2 names"),
        ("-1 0.5 0.5 0.1 0.1", "a.txt, line 2"),
        ("1 40 20 8 8", "line 2: .*not normalised"),
        ("1 nan 0.5 0.1 0.1", "line 2: .*not normalised"),
        ("1 0.5 0.5 0.1", "line 2: 4 numbers"),
        ("cat 0.5 0.5 0.1 0.1", "line 2: 'cat"),
    ],
)
def test_errors_name_the_mistake(tmp_path: Path, row: str, message: str) -> None:
    _make(tmp_path, row=row)
    with pytest.raises(PicturesError, match=message):
        open_pictures(str(tmp_path))


@pytest.mark.parametrize(
    ("names", "message"),
    [("", "no `names`"), ("names: [a\n", "not YAML"), ("names: {a: b}\n", "not numbered")],
)
def test_names_that_cannot_be_read(tmp_path: Path, names: str, message: str) -> None:
    _make(tmp_path, names=names)
    with pytest.raises(PicturesError, match=message):
        open_pictures(str(tmp_path))
