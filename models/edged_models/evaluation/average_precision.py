"""Average precision, computed by pycocotools: 101 recall points, best score first, each object found once, crowds ignored.

Sizes are COCO's (areas below 32 x 32 and from 96 x 96), but in pixels of the model's input: for a detector the size of an object in its
input counts.
"""

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edged_models.evaluation.class_matches import ClassMatches
from edged_models.evaluation.picture_result import PictureResult

SIZES_PX = {"small": (0.0, 32.0), "medium": (32.0, 96.0), "large": (96.0, None)}
"""Square roots of areas: lower bound, and upper bound or None."""
_MIN_SIDE_PX, _MAX_AREA_PX = 0.0, 1e10
_MAX_DETECTIONS = 100
_IOU_50, _IOU_75 = 0, 5


@dataclass(frozen=True, slots=True)
class RankedDetections:
    """The detections of one class at IoU 0.5, best first, and how many objects there are.

    Attributes:
        scores: (N,) float64.
        is_correct: (N,) bool, true where the detection matches an object that no better one matches.
        object_count: number of objects of the class.
    """

    scores: NDArray[np.float64]
    is_correct: NDArray[np.bool_]
    object_count: int


@dataclass(frozen=True, slots=True)
class PrecisionTable:
    """Precision by IoU, recall, class and size, as pycocotools computes it.

    Attributes:
        table: (10, 101, K, 4) float64: precision by IoU (0.5, 0.55 ... 0.95), recall (0, 0.01 ... 1), class, and size (any, small,
            medium, large); -1 where there is no such object.
        ranked: the ranked detections of each class.
        object_counts: (K, 4) int64, objects by class and size.
        matches: the matched detections of each class, of any size.
    """

    table: NDArray[np.float64]
    ranked: tuple[RankedDetections, ...]
    object_counts: NDArray[np.int64]
    matches: tuple[ClassMatches, ...]

    def ap(self, *, label: int | None = None, size: int = 0) -> float | None:
        """Return AP: the mean over IoU and recall, of one class or over all; `size` is an index into ``(any, *SIZES_PX)``."""
        return _mean(self._select_label(label)[..., size])

    def ap50(self, *, label: int | None = None, size: int = 0) -> float | None:
        """Return AP at IoU 0.5, by the same arguments as `ap`."""
        return _mean(self._select_label(label)[_IOU_50, ..., size])

    def ap75(self) -> float | None:
        """Return AP at IoU 0.75 over all classes and sizes."""
        return _mean(self.table[_IOU_75, ..., 0])

    def curve(self, label: int | None = None) -> NDArray[np.float64]:
        """Return the precision at each recall at IoU 0.5, of one class or the mean over those that occur: (101,) float64."""
        table = self._select_label(label)[_IOU_50, ..., 0]
        occurring = table[:, (table > -1).all(axis=0)]
        return np.asarray(occurring.mean(axis=1) if occurring.size else np.zeros(len(table)))

    def _select_label(self, label: int | None) -> NDArray[np.float64]:
        return self.table if label is None else self.table[:, :, label : label + 1]


def compute_precisions(results: Sequence[PictureResult], label_count: int) -> PrecisionTable:
    """Compute the precision table of one model's results; `label_count` is the number of evaluated classes."""
    coco = _run_coco_evaluation(results, label_count)
    size_count = len(coco.params.areaRng)
    by_class = np.array(coco.evalImgs, object).reshape(label_count, size_count, len(results))
    matches = [[ClassMatches.collect(images) for images in sizes] for sizes in by_class]
    counts = [[int(one.object_counts.sum()) for one in sizes] for sizes in matches]
    return PrecisionTable(
        coco.eval["precision"][..., 0],
        tuple(_rank(sizes[0]) for sizes in matches),
        np.array(counts, np.int64),
        tuple(sizes[0] for sizes in matches),
    )


def _run_coco_evaluation(results: Sequence[PictureResult], label_count: int) -> COCOeval:
    ranges = [(_MIN_SIDE_PX, None), *SIZES_PX.values()]
    with redirect_stdout(io.StringIO()):
        coco = COCOeval(
            _build_truth_coco(results, label_count),
            _build_detections_coco(results, label_count),
            "bbox",
        )
        coco.params.maxDets = [_MAX_DETECTIONS]
        coco.params.areaRng = [
            [low * low, high * high if high else _MAX_AREA_PX] for low, high in ranges
        ]
        coco.params.areaRngLbl = ["any", *SIZES_PX]
        coco.evaluate()
        coco.accumulate()
    return coco


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[values > -1]
    return float(known.mean()) if known.size else None


def _rank(matches: ClassMatches) -> RankedDetections:
    # Detections in a crowd are neither correct nor wrong.
    counts = ~matches.is_ignored[_IOU_50]
    return RankedDetections(
        matches.scores[counts],
        matches.is_match[_IOU_50][counts],
        int(matches.object_counts.sum()),
    )


def _build_truth_coco(results: Sequence[PictureResult], label_count: int) -> COCO:
    annotations = [
        annotation
        for image_id, one in enumerate(results)
        for annotation in [
            *_annotate(image_id, one, one.true_boxes, one.true_class_ids),
            *_annotate(image_id, one, one.crowd_boxes, one.crowd_class_ids, iscrowd=1),
        ]
    ]
    return _index_coco(annotations, len(results), label_count)


def _build_detections_coco(results: Sequence[PictureResult], label_count: int) -> COCO:
    annotations: list[dict[str, Any]] = []
    for image_id, result in enumerate(results):
        found = result.detections
        rows = _annotate(image_id, result, found.boxes, found.class_ids)
        scores = found.scores.tolist()
        annotations += ({**row, "score": score} for row, score in zip(rows, scores, strict=True))
    return _index_coco(annotations, len(results), label_count)


def _annotate(
    image_id: int,
    result: PictureResult,
    boxes: NDArray[np.float32],
    class_ids: NDArray[np.int32],
    *,
    iscrowd: int = 0,
) -> list[dict[str, Any]]:
    """Return boxes as COCO's annotations, in pixels of the model's input; without ids.

    Args:
        image_id: number of the picture.
        result: the picture's result, for its size.
        boxes: (N, 4) float32, [x1, y1, x2, y2] normalised to the picture.
        class_ids: (N,) int32.
        iscrowd: 1 for areas with many objects.
    """
    pixels = boxes.astype(np.float64) * np.tile(result.size_px, 2)
    pixels[:, 2:] -= pixels[:, :2]
    return [
        {
            "image_id": image_id,
            "category_id": class_id,
            "bbox": box,
            "area": box[2] * box[3],
            "iscrowd": iscrowd,
        }
        for box, class_id in zip(pixels.tolist(), class_ids.tolist(), strict=True)
    ]


def _index_coco(annotations: list[dict[str, Any]], image_count: int, label_count: int) -> COCO:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i} for i in range(image_count)],
        "categories": [{"id": i} for i in range(label_count)],
        # pycocotools takes the id 0 of an object for "none".
        "annotations": [{"id": i, **one} for i, one in enumerate(annotations, 1)],
    }
    coco.createIndex()
    return coco
