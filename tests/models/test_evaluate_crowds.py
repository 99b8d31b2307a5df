"""Crowds and all figures of average precision, against an independent script: COCO files on disk, and pycocotools with its defaults."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edged import bundled
from edged.types import Detections
from edged_models.evaluation.average_precision import PrecisionTable, compute_precisions
from edged_models.evaluation.evaluate import evaluate_models
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.evaluation.picture_result import PictureResult
from edged_models.evaluation.threshold import build_confusion, count_false_alarms
from edged_models.pictures.labelled import LabelledPicture, PictureSet, Task


def _judge_independently(
    results: list[PictureResult], label_count: int, folder: Path
) -> tuple[COCOeval, list[float]]:
    """Write annotations and detections as COCO's files, and let pycocotools judge them by itself."""
    truth = {
        "images": [{"id": i + 1, "width": 640, "height": 640} for i in range(len(results))],
        "categories": [{"id": c + 1, "name": f"class {c}"} for c in range(label_count)],
        "annotations": [],
    }
    found = []
    for image_id, one in enumerate(results, 1):
        for boxes, classes, iscrowd in (
            (one.true_boxes, one.true_class_ids, 0),
            (one.crowd_boxes, one.crowd_class_ids, 1),
        ):
            for box, class_id in zip(boxes, classes, strict=True):
                bbox = _as_xywh(box, one.size_px)
                truth["annotations"].append(
                    {
                        "id": len(truth["annotations"]) + 1,
                        "image_id": image_id,
                        "category_id": int(class_id) + 1,
                        "bbox": bbox,
                        "area": bbox[2] * bbox[3],
                        "iscrowd": iscrowd,
                    }
                )
        detections = one.detections
        found += [
            {
                "image_id": image_id,
                "category_id": int(class_id) + 1,
                "bbox": _as_xywh(box, one.size_px),
                "score": float(score),
            }
            for box, class_id, score in zip(
                detections.boxes, detections.class_ids, detections.scores, strict=True
            )
        ]
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "found.json").write_text(json.dumps(found))
    with redirect_stdout(io.StringIO()):
        coco = COCO(str(folder / "truth.json"))
        judged = COCOeval(coco, coco.loadRes(str(folder / "found.json")), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return judged, judged.stats.tolist()


def _as_xywh(box: np.ndarray, size_px: tuple[float, float]) -> list[float]:
    x1, y1, x2, y2 = (
        float(side) * length for side, length in zip(box, (*size_px, *size_px), strict=True)
    )
    return [x1, y1, x2 - x1, y2 - y1]


def _assert_same(table: PrecisionTable, judged: COCOeval, stats: list[float]) -> None:
    # The last of pycocotools' limits of detections is 100, which is the only one here.
    assert np.array_equal(table.table, judged.eval["precision"][..., -1])
    own = [table.ap(), table.ap50(), table.ap75(), *(table.ap(size=size) for size in (1, 2, 3))]
    assert [-1.0 if value is None else value for value in own] == stats[:6]


_BOXES = st.tuples(*[st.floats(0, 0.85) for _ in range(2)], *[st.floats(0.02, 0.15) for _ in range(2)])  # fmt: skip


@st.composite
def _pictures(draw: st.DrawFn) -> PictureResult:
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    corners = np.array(draw(st.lists(_BOXES, min_size=0, max_size=6)), np.float32).reshape(-1, 4)
    true = np.hstack([corners[:, :2], corners[:, :2] + corners[:, 2:]])
    # Detections near the objects, some twice, some of another class, some of nothing.
    copies = np.repeat(true, rng.integers(0, 3, len(true)), axis=0)
    found = copies + rng.normal(0, 0.01, copies.shape).astype(np.float32)
    found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 0.01)
    is_crowd = rng.random(len(true)) < 0.3
    classes = rng.integers(0, 3, len(true)).astype(np.int32)
    order = np.argsort(-rng.random(len(found)))
    return PictureResult(
        detections=Detections(
            np.clip(found, 0, 1)[order].astype(np.float32),
            np.sort(rng.random(len(found)))[::-1].astype(np.float32),
            rng.integers(0, 3, len(found)).astype(np.int32),
        ),
        true_boxes=true[~is_crowd],
        true_class_ids=classes[~is_crowd],
        crowd_boxes=true[is_crowd],
        crowd_class_ids=classes[is_crowd],
        is_empty=not len(true),
        size_px=draw(st.sampled_from([(96.0, 96.0), (640.0, 480.0), (1000.0, 1333.0)])),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("coco")


@settings(max_examples=40, deadline=None)
@given(results=st.lists(_pictures(), min_size=2, max_size=8))
def test_drawn_detections_have_pycocotools_figures_to_the_last_digit(
    results: list[PictureResult], folder: Path
) -> None:
    if not any(len(one.detections) for one in results):
        return  # loadRes refuses an empty file
    judged, stats = _judge_independently(results, 3, folder)
    _assert_same(compute_precisions(results, 3), judged, stats)


class _WithCrowds:
    """The objects of every other picture as crowds, of the whole neighbourhood of each."""

    def __init__(self, pictures: PictureSet) -> None:
        self.name, self.labels, self.task = pictures.name, pictures.labels, Task.DETECTION
        self._pictures = [
            self._make_crowds(one) if i % 2 else one for i, one in enumerate(pictures)
        ]

    def _make_crowds(self, one: LabelledPicture) -> LabelledPicture:
        wider = np.clip(one.boxes + np.array([-0.05, -0.05, 0.05, 0.05], np.float32), 0, 1)
        return replace(
            one,
            boxes=one.boxes[:0],
            classes=one.classes[:0],
            crowd_boxes=wider.astype(np.float32),
            crowd_classes=one.classes,
        )

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> LabelledPicture:
        return self._pictures[index]

    def __iter__(self) -> object:
        return iter(self._pictures)


@pytest.mark.parametrize("runtime", ["litert", "tflite"])
def test_a_real_model_on_pictures_with_crowds_has_pycocotools_figures(
    scenes: PictureSet, runtime: str, tmp_path: Path
) -> None:
    pictures = _WithCrowds(scenes)
    with EvaluatedModel(bundled.model_path(), runtime=runtime) as model:
        (result,) = evaluate_models([model], pictures)
    assert sum(len(one.crowd_boxes) for one in result.results) > 3
    judged, stats = _judge_independently(list(result.results), len(result.mapping.labels), tmp_path)
    _assert_same(result.precisions, judged, stats)
    assert result.evaluation.ap == stats[0] > 0.3
    assert result.evaluation.objects == sum(len(one.boxes) for one in pictures)


LEFT, CROWD = [0.1, 0.1, 0.3, 0.3], [0.4, 0.4, 1.0, 1.0]
INSIDE, HALF_OUT = [0.5, 0.5, 0.6, 0.6], [0.3, 0.3, 0.5, 0.5]


def _result(*found: tuple[float, list[float], int]) -> PictureResult:
    return PictureResult(
        detections=Detections(
            np.array([box for _, box, _ in found], np.float32),
            np.array([score for score, *_ in found], np.float32),
            np.array([class_id for *_, class_id in found], np.int32),
        ),
        true_boxes=np.array([LEFT], np.float32),
        true_class_ids=np.array([0], np.int32),
        crowd_boxes=np.array([CROWD], np.float32),
        crowd_class_ids=np.array([0], np.int32),
        is_empty=False,
        size_px=(256, 256),
    )


def test_detections_in_a_crowd_of_their_class_are_ignored() -> None:
    table = compute_precisions([_result((0.9, INSIDE, 0), (0.8, INSIDE, 0), (0.7, LEFT, 0))], 1)
    assert table.ap() == pytest.approx(1.0)
    assert table.ranked[0].is_correct.tolist() == [True]
    assert table.ranked[0].object_count == 1


def test_detections_that_are_mostly_outside_or_of_another_class_are_not() -> None:
    result = _result((0.9, HALF_OUT, 0), (0.8, INSIDE, 1), (0.7, LEFT, 0))
    table = compute_precisions([result], 2)
    assert table.ranked[0].is_correct.tolist() == [False, True]
    assert table.ranked[1].is_correct.tolist() == [False]
    # One quarter of the first lies in the crowd; the second is of another class.
    assert build_confusion([result], ("cat", "dog"), 0.5).counts == ((1, 0, 0), (0, 0, 0), (1, 1, 0))  # fmt: skip


def test_a_picture_with_a_crowd_is_not_one_without_objects(scenes: PictureSet) -> None:
    with EvaluatedModel(bundled.model_path()) as model:
        (plain,) = evaluate_models([model], scenes)
        (crowded,) = evaluate_models([model], _WithCrowds(scenes))
    assert crowded.evaluation.empty_pictures == plain.evaluation.empty_pictures
    alarms = count_false_alarms(crowded.results, len(crowded.mapping.labels), 0.5)
    assert alarms.sum() == sum(one.false_alarms for one in plain.evaluation.by_label)
