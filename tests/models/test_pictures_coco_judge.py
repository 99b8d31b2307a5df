"""COCO as pycocotools understands it: crowds, ids, and the same figures from a set and from its copy."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures_on_disk import HEIGHT_PX, WIDTH_PX, write_picture
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edged_models.cli.main import main
from edged_models.pictures.export import ANNOTATIONS_FILE
from edged_models.pictures.files import FilePictures
from edged_models.pictures.open_pictures import open_pictures, open_unchecked
from edged_models.pictures.problems import ProblemKind

PICTURES, OBJECTS = 12, 7


def _write_source(folder: Path) -> Path:
    """Write a set with boxes of fractions of pixels, of which every picture has one area with many objects."""
    rng = np.random.default_rng(3)
    images, annotations = [], []
    for number in range(1, PICTURES + 1):
        name = write_picture(folder / f"{number}.png", seed=number).name
        images.append({"id": number, "file_name": name, "width": WIDTH_PX, "height": HEIGHT_PX})
        for row in range(OBJECTS):
            x, y, w, h = rng.uniform((0, 0, 4, 4), (50, 20, 30, 20)).round(2).tolist()
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(rng.integers(1, 3)),
                    "bbox": [x, y, w, h],
                    "area": w * h,
                    "iscrowd": int(row == 0),
                }
            )
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    path = folder / "instances.json"
    path.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return path


def _draw_detections(path: Path) -> list[dict[str, Any]]:
    """Return detections: each object a little moved or left out, and some within the areas."""
    rng = np.random.default_rng(4)
    found = []
    for one in json.loads(path.read_text())["annotations"]:
        shift = rng.normal(0, 1.0, 4)
        count = 3 if one["iscrowd"] else int(rng.random() < 0.8)
        for _ in range(count):
            box = (np.array(one["bbox"]) + shift).tolist()
            found.append(
                {
                    "image_id": one["image_id"],
                    "category_id": one["category_id"],
                    "bbox": box,
                    "score": rng.random(),
                }
            )
    return found


def _judge(path: Path, detections: list[dict[str, Any]]) -> list[float]:
    with redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        judged = COCOeval(truth, truth.loadRes(detections), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return [float(value) for value in judged.stats]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write_source(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def copy(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("copy") / "coco"
    assert main(["pictures", str(source), "--out", str(out)]) == 0
    return out / ANNOTATIONS_FILE


def test_a_copy_gives_the_same_figures_as_its_source(source: Path, copy: Path) -> None:
    detections = _draw_detections(source)
    expected = _judge(source, detections)
    assert 0.2 < expected[0] < 0.9
    assert _judge(copy, detections) == expected
    without_areas = json.loads(source.read_text())
    without_areas["annotations"] = [
        one for one in without_areas["annotations"] if not one["iscrowd"]
    ]
    dropped = copy.with_name("dropped.json")
    dropped.write_text(json.dumps(without_areas))
    assert _judge(dropped, detections)[0] < expected[0] - 0.05


def test_the_ids_of_a_copy_are_unique_and_begin_with_1(copy: Path) -> None:
    ids = [one["id"] for one in json.loads(copy.read_text())["annotations"]]
    assert ids == list(range(1, PICTURES * OBJECTS + 1))


def test_an_area_with_many_objects_is_a_mask_of_its_box(copy: Path) -> None:
    with redirect_stdout(io.StringIO()):
        coco = COCO(str(copy))
    areas = coco.loadAnns(coco.getAnnIds(iscrowd=True))
    assert len(areas) == PICTURES
    for one in areas:
        x, y, w, h = mask.toBbox(coco.annToRLE(one)).tolist()
        assert [x, y, w, h] == pytest.approx(one["bbox"], abs=1.01)
        assert coco.annToMask(one).shape == (HEIGHT_PX, WIDTH_PX)


def test_areas_are_kept_apart_from_objects_and_survive_the_copy(source: Path, copy: Path) -> None:
    for original, written in zip(open_pictures(str(source)), open_pictures(str(copy)), strict=True):
        assert len(original.boxes) == OBJECTS - 1
        assert original.crowd_boxes.shape == (1, 4)
        assert written.boxes == pytest.approx(original.boxes, abs=1e-5)
        assert written.crowd_boxes == pytest.approx(original.crowd_boxes, abs=1e-5)
        assert written.crowd_classes.tolist() == original.crowd_classes.tolist()


def _change(source: Path, **changes: Any) -> list[ProblemKind]:
    """Change the first two annotations, and return the problems of the set."""
    content = json.loads(source.read_text())
    for one in content["annotations"][:2]:
        one.update(changes)
    changed = source.with_name("changed.json")
    changed.write_text(json.dumps(content))
    pictures = open_unchecked(str(changed))
    assert isinstance(pictures, FilePictures)
    return [one.kind for one in pictures.problems]


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, []),
        ({"id": 5}, [ProblemKind.DUPLICATE_ID]),
        ({"id": 0}, [ProblemKind.DUPLICATE_ID, ProblemKind.ZERO_ID]),
        (
            {"bbox": [1, 1, 9, 9], "iscrowd": 0, "category_id": 1},
            [ProblemKind.DUPLICATE_BOX],
        ),
        ({"bbox": [90, 1, 9, 9]}, [ProblemKind.OUTSIDE] * 2),
        ({"bbox": [9, 1, 0, 9]}, [ProblemKind.EMPTY_BOX] * 2),
        ({"bbox": [9, 1, 200, 9]}, [ProblemKind.OVER_BORDER] * 2),
        ({"bbox": []}, [ProblemKind.WRONG_LABEL] * 2),
        ({"category_id": 9}, [ProblemKind.WRONG_LABEL] * 2),
        ({"keypoints": [1, 1, 2]}, [ProblemKind.KEY_POINTS]),
        ({"keypoints": []}, []),
    ],
)
def test_duplicates_and_drops_are_counted(
    source: Path, changes: dict[str, Any], kinds: list[ProblemKind]
) -> None:
    assert _change(source, **changes) == kinds


def test_two_images_with_one_file_or_one_id_are_errors(source: Path) -> None:
    for key in ("id", "file_name"):
        content = json.loads(source.read_text())
        content["images"][1][key] = content["images"][0][key]
        changed = source.with_name("changed.json")
        changed.write_text(json.dumps(content))
        pictures = open_unchecked(str(changed))
        assert isinstance(pictures, FilePictures)
        assert ProblemKind.SHARED_LABELS in {one.kind for one in pictures.problems}
        # With one id for two images, the labels of the second have no image.
        rest = open_pictures(str(changed), skip_bad=True)
        assert len(rest) == PICTURES - 2
