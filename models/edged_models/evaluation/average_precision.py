"""Average precision as COCO counts it: 101 recall points, best score first, each true box used once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.geometry import iou_matrix
from edged.types import Detections

F32 = NDArray[np.float32]
RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True)
class Picture:
    """What was found in a picture and what is in it; boxes x1 y1 x2 y2, normalised."""

    found: Detections
    boxes: F32
    classes: NDArray[np.int32]


def average_precision(pictures: list[Picture], class_id: int, *, least_iou: float) -> float:
    """Of one class over all pictures; NaN if there is none of it."""
    scores: list[float] = []
    hits_: list[bool] = []
    total = 0
    for picture in pictures:
        true = picture.boxes[picture.classes == class_id]
        mine = picture.found[picture.found.class_ids == class_id]
        total += len(true)
        scores += mine.scores.tolist()
        hits_ += hits(mine.boxes, true, least_iou=least_iou)
    if total == 0:
        return float("nan")
    order = np.argsort(-np.asarray(scores), kind="stable")
    correct = np.cumsum(np.asarray(hits_, bool)[order])
    recall = correct / total
    precision = correct / np.arange(1, len(correct) + 1)
    # At each recall the best precision of that recall or a greater one.
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS)
    return float(np.mean(np.append(best, 0.0)[np.minimum(at, len(best))]))


def hits(found: F32, true: F32, *, least_iou: float) -> list[bool]:
    """For each found box, best score first, whether it takes a true one that none before it took."""
    overlap = iou_matrix(found, true)
    taken = []
    for row in overlap:
        best = int(row.argmax()) if row.size else 0
        hit = bool(row.size) and bool(row[best] >= least_iou)
        if hit:
            overlap[:, best] = -1
        taken.append(hit)
    return taken
