"""Pictures in the COCO format."""

import json
from pathlib import Path

import numpy as np
import pytest
from pictures_on_disk import HEIGHT_PX, WIDTH_PX, write_coco_folder, write_picture

from edged_models.errors import PicturesError
from edged_models.pictures.open_pictures import open_pictures


def test_boxes_are_fractions_clipped_to_the_picture_and_ids_become_indices(tmp_path: Path) -> None:
    write_coco_folder(tmp_path)
    pictures = open_pictures(str(tmp_path))
    assert pictures.labels == ("cat", "dog")
    first, second = pictures
    assert np.allclose(first.boxes, [[0.1, 0.1, 0.3, 0.3], [0.5, 0.5, 1.0, 0.7]])
    assert first.classes.tolist() == [1, 0]
    assert first.image.shape == (HEIGHT_PX, WIDTH_PX, 3)
    # One of its boxes is a group's, the other lies beside the picture.
    assert len(second.boxes) == 0


def test_the_requested_labels_determine_the_indices(tmp_path: Path) -> None:
    path = write_coco_folder(tmp_path)
    pictures = open_pictures(str(path), labels=("Dog", "bird", "CAT"))
    assert pictures[0].classes.tolist() == [0, 2]
    with pytest.raises(PicturesError, match=r"'cat'.*not among: dog"):
        open_pictures(str(path), labels=("dog",))


def test_the_layout_of_the_coco_set_itself(tmp_path: Path) -> None:
    made = write_coco_folder(tmp_path / "val2017")
    annotations = tmp_path / "annotations" / "instances_val2017.json"
    annotations.parent.mkdir()
    made.rename(annotations)
    assert len(open_pictures(str(annotations))[0].boxes) == 2
    assert len(open_pictures(str(tmp_path))) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"annotations": [{"image_id": 9, "category_id": 17, "bbox": [0, 0, 1, 1]}]}, r"annotations\[0\]: there is no image 9"),
        ({"annotations": [{"image_id": 7, "category_id": 5, "bbox": [0, 0, 1, 1]}]}, "there is no category 5"),
        ({"annotations": [{"image_id": 7, "category_id": 17, "bbox": [0, 0, -1, 1]}]}, "negative side"),
        ({"annotations": [{"image_id": 7, "category_id": 17, "bbox": [0, 0]}]}, r"annotations\[0\].bbox"),
        ({"images": []}, "names no pictures"),
        ({"images": [{"id": 7, "file_name": "missing.png", "width": 1, "height": 1}], "annotations": []}, "does not exist: .*missing.png"),
        ({"images": [{"id": 7, "file_name": "a.png", "width": 0, "height": 1}], "annotations": []}, r"images\[0\] \(a.png\) is 0x1"),
    ],
)  # fmt: skip
def test_errors_name_the_mistake(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = write_coco_folder(tmp_path, **change)
    with pytest.raises(PicturesError, match=message) as refused:
        open_pictures(str(tmp_path))
    assert str(path) in str(refused.value)


def test_a_damaged_file_is_not_taken_for_a_folder_without_labels(tmp_path: Path) -> None:
    path = write_coco_folder(tmp_path)
    path.write_text(path.read_text()[:-20])
    with pytest.raises(PicturesError, match="damaged"):
        open_pictures(str(tmp_path))


def test_another_json_file_is_ignored(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    (tmp_path / "notes.json").write_text(json.dumps({"by": "me"}))
    assert open_pictures(str(tmp_path)).labels == ()


def test_two_annotation_files_are_ambiguous(tmp_path: Path) -> None:
    path = write_coco_folder(tmp_path)
    path.with_name("more.json").write_text(path.read_text())
    with pytest.raises(PicturesError, match=r"name one of .*more.json"):
        open_pictures(str(tmp_path))


def test_a_picture_of_another_size_than_labelled_is_refused(tmp_path: Path) -> None:
    write_coco_folder(tmp_path)
    write_picture(tmp_path / "a.png", width=HEIGHT_PX, height=WIDTH_PX)
    with pytest.raises(PicturesError, match=r"a.png is 40x80, and its labels were made for 80x40"):
        open_pictures(str(tmp_path))[0]
