"""Average precision, counted by pycocotools: 101 recall points, best score first, each object found once.

Sizes are COCO's (areas below 32 x 32 and from 96 x 96), but in pixels of the model's input: what counts for a detector is how large
an object is when it comes to see it.
"""

import io
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edged_models.evaluation.picture_result import PictureResult

SIZES_PX = {"small": (0.0, 32.0), "medium": (32.0, 96.0), "large": (96.0, None)}
"""Square roots of areas, from and to."""
_MIN_SIDE_PX, _MAX_AREA_PX = 0.0, 1e10
_MAX_DETECTIONS = 100
_IOU_50, _IOU_75 = 0, 5


@dataclass(frozen=True, slots=True)
class RankedDetections:
    """The detections of one class at IoU 0.5, best first, and how many objects there are.

    Attributes:
        scores: (N,) float64.
        is_correct: (N,) bool, whether it takes an object that none before it took.
        object_count: how many there are to find.
    """

    scores: NDArray[np.float64]
    is_correct: NDArray[np.bool_]
    object_count: int


@dataclass(frozen=True, slots=True)
class PrecisionTable:
    """What pycocotools found.

    Attributes:
        table: (10, 101, K, 4) float64: precision by IoU (0.5, 0.55 ... 0.95), recall (0, 0.01 ... 1), class, and size (any, small,
            medium, large); -1 where there is no such object.
        ranked: of each class.
        object_counts: (K, 4) int64, objects by class and size.
    """

    table: NDArray[np.float64]
    ranked: tuple[RankedDetections, ...]
    object_counts: NDArray[np.int64]

    def ap(self, *, label: int | None = None, size: int = 0) -> float | None:
        """Mean over IoU, recall and the classes, or of one class; `size` is an index into ``(any, *SIZES_PX)``."""
        return _mean(self._select_label(label)[..., size])

    def ap50(self, *, label: int | None = None, size: int = 0) -> float | None:
        """The same at IoU 0.5."""
        return _mean(self._select_label(label)[_IOU_50, ..., size])

    def ap75(self) -> float | None:
        """The same at IoU 0.75, of all classes and sizes."""
        return _mean(self.table[_IOU_75, ..., 0])

    def curve(self, label: int | None = None) -> NDArray[np.float64]:
        """(101,) precision at each recall, IoU 0.5; mean over the classes that are there, or of one."""
        table = self._select_label(label)[_IOU_50, ..., 0]
        there = table[:, (table > -1).all(axis=0)]
        return np.asarray(there.mean(axis=1) if there.size else np.zeros(len(table)))

    def _select_label(self, label: int | None) -> NDArray[np.float64]:
        return self.table if label is None else self.table[:, :, label : label + 1]


def compute_precisions(results: Sequence[PictureResult], label_count: int) -> PrecisionTable:
    """Count; `label_count` is the number of judged classes."""
    sides = [_MIN_SIDE_PX, *(low for low, _ in SIZES_PX.values())]
    ends = [None, *(high for _, high in SIZES_PX.values())]
    with redirect_stdout(io.StringIO()):
        judge = COCOeval(
            _build_truth_coco(results, label_count),
            _build_detections_coco(results, label_count),
            "bbox",
        )
        judge.params.maxDets = [_MAX_DETECTIONS]
        judge.params.areaRng = [
            [low * low, high * high if high else _MAX_AREA_PX]
            for low, high in zip(sides, ends, strict=True)
        ]
        judge.params.areaRngLbl = ["any", *SIZES_PX]
        judge.evaluate()
        judge.accumulate()
    by_class = np.array(judge.evalImgs, object).reshape(label_count, len(sides), len(results))
    counts = [[_count_objects(images) for images in sizes] for sizes in by_class]
    ranked = tuple(_rank_detections(sizes[0]) for sizes in by_class)
    return PrecisionTable(judge.eval["precision"][..., 0], ranked, np.array(counts, np.int64))


def _mean(values: NDArray[np.float64]) -> float | None:
    there = values[values > -1]
    return float(there.mean()) if there.size else None


def _count_objects(images: Iterable[dict[str, Any] | None]) -> int:
    return sum(int((1 - image["gtIgnore"]).sum()) for image in images if image)


def _rank_detections(images: NDArray[np.object_]) -> RankedDetections:
    seen = [image for image in images if image]
    scores = np.array([score for image in seen for score in image["dtScores"]], np.float64)
    hits = [image["dtMatches"][_IOU_50] > 0 for image in seen]
    right = np.concatenate(hits) if hits else np.zeros(0, bool)
    order = np.argsort(-scores, kind="stable")
    return RankedDetections(scores[order], right[order], _count_objects(seen))


def _build_truth_coco(results: Sequence[PictureResult], label_count: int) -> COCO:
    return _build_coco(
        results, label_count, [(look.true_boxes, look.true_class_ids, None) for look in results]
    )


def _build_detections_coco(results: Sequence[PictureResult], label_count: int) -> COCO:
    found = [
        (look.detections.boxes, look.detections.class_ids, look.detections.scores)
        for look in results
    ]
    return _build_coco(results, label_count, found)


def _build_coco(
    results: Sequence[PictureResult], label_count: int, rows: Iterable[tuple[Any, Any, Any]]
) -> COCO:
    """A COCO set of boxes in pixels of the model's input; images and classes are numbered from 0."""
    annotations: list[dict[str, Any]] = []
    for image_id, (look, (boxes, classes, scores)) in enumerate(zip(results, rows, strict=True)):
        pixels = boxes.astype(np.float64) * np.tile(look.size_px, 2)
        pixels[:, 2:] -= pixels[:, :2]
        for place, (box, class_id) in enumerate(
            zip(pixels.tolist(), classes.tolist(), strict=True)
        ):
            annotation = {
                # pycocotools takes the id 0 of an object for "none".
                "id": len(annotations) + 1,
                "image_id": image_id,
                "category_id": class_id,
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": 0,
            }
            if scores is not None:
                annotation["score"] = float(scores[place])
            annotations.append(annotation)
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i} for i in range(len(results))],
        "categories": [{"id": i} for i in range(label_count)],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco
