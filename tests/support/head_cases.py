"""For every family with raw or split heads, a made model and outputs with known detections, as in `support.families`."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edged.types import BoxDecoding, FileMetadata, OpInfo
from support.families import (
    BOXES,
    CLASS_IDS,
    CLASSES,
    SCORES,
    SIDE_PX,
    FamilyCase,
    make_case,
    to_center_size,
)

F64 = NDArray[np.float64]
ALL_BOXES = np.concatenate([BOXES, BOXES[:2] + 0.01])
ALL_SCORES = np.concatenate([SCORES, SCORES[:2] - 0.1])
ALL_IDS = np.concatenate([CLASS_IDS, CLASS_IDS[:2]])
_BINS = 16
_NOTHING = -7.5
"""Logit of a class that is not there."""


def logit(scores: F64) -> F64:
    """Return the logits of scores."""
    return np.asarray(np.log(scores / (1 - scores)))


def class_logits(rows: int, places: list[int], columns: int = CLASSES, first: int = 0) -> F64:
    """Return logits (rows, columns) with the detections and their near copies at these rows; class 0 is column `first`."""
    table = np.full((rows, columns), _NOTHING)
    for place, class_id, score in zip(places, ALL_IDS, ALL_SCORES, strict=False):
        table[place, first + class_id] = logit(score)
    return table


def yolo_split(dtype: str) -> FamilyCase:
    """Return a split YOLO; each box is in the cell of 16 pixels that contains its centre."""
    cells = [
        (c, r, s) for s in (8, 16, 32) for r in range(SIDE_PX // s) for c in range(SIDE_PX // s)
    ]
    places: list[int] = []
    sides = np.full((len(cells), 4 * _BINS), -16.0)
    for box in ALL_BOXES:
        x1, y1, x2, y2 = box * SIDE_PX
        stride = 8 if len(places) >= len(BOXES) else 16  # the near copies are in finer cells
        place = cells.index((int((x1 + x2) / 2 / stride), int((y1 + y2) / 2 / stride), stride))
        places.append(place)
        centre_x, centre_y = ((index + 0.5) * stride for index in cells[place][:2])
        for side, px in enumerate((centre_x - x1, centre_y - y1, x2 - centre_x, y2 - centre_y)):
            low, part = divmod(px / stride, 1)
            sides[place, side * _BINS + int(low)] = np.log(max(1 - part, 1e-5))
            sides[place, side * _BINS + int(low) + 1] = np.log(max(part, 1e-5))
    scores = class_logits(len(cells), places)
    return make_case([("boxes", sides[None], -16, 0), ("classes", scores[None], -8, 8)], dtype)


def detr(dtype: str) -> FamilyCase:
    """Return an RF-DETR of 30 queries, without near copies."""
    boxes = np.full((1, 30, 4), 0.5)
    boxes[0, [4, 20, 9]] = to_center_size(BOXES)
    logits = class_logits(30, [4, 20, 9])
    return make_case([("dets", boxes, 0, 1), ("labels", logits[None], -8, 8)], dtype)


def detr_class_ids(dtype: str) -> FamilyCase:
    """Return a D-FINE with its post-processor, the size of the picture baked in: class ids, corners in pixels, scores."""
    ids, boxes, scores = np.zeros((1, 30)), np.zeros((1, 30, 4)), np.zeros((1, 30))
    ids[0, :3], boxes[0, :3], scores[0, :3] = CLASS_IDS, BOXES * SIDE_PX, SCORES
    case = make_case(
        [("labels", ids, 0, 10), ("boxes", boxes, 0, SIDE_PX), ("scores", scores, 0, 1)], dtype
    )
    return replace(case, tolerance=case.tolerance / SIDE_PX + 0.01)


def _codes(boxes: F64, anchors: F64) -> F64:
    """Return ty, tx, th, tw of boxes for anchors [centre y, centre x, height, width]."""
    target = to_center_size(boxes)[:, [1, 0, 3, 2]]
    moved = (target[:, :2] - anchors[:, :2]) / anchors[:, 2:]
    return np.concatenate([moved, np.log(target[:, 2:] / anchors[:, 2:])], axis=1)


def mediapipe(dtype: str) -> FamilyCase:
    """Return a MediaPipe detector of 40 random anchors."""
    anchors = np.random.default_rng(5).uniform(0.2, 0.7, (40, 4))
    places = [3, 30, 11, 4, 31]
    codes = np.zeros((40, 4))
    codes[places] = _codes(ALL_BOXES, anchors[places]) * [4, 4, 2, 2]
    scores = np.full((40, CLASSES), 0.01)
    scores[places, ALL_IDS] = ALL_SCORES
    case = make_case([("a", codes[None], -16, 16), ("b", scores[None], 0, 1)], dtype)
    decoding = BoxDecoding(
        packed_anchors=anchors.astype(np.float32).tobytes(),
        class_count=CLASSES,
        value_count=4,
        scales=(4.0, 4.0, 2.0, 2.0),
        has_exponential_sizes=True,
        has_logits=False,
    )
    metadata = FileMetadata(box_decoding=decoding)
    return replace(case, signature=replace(case.signature, metadata=metadata))


def ssd_anchors(dtype: str) -> FamilyCase:
    """Return an SSD of the Object Detection API without the post-process, its scores before the sigmoid."""
    anchors = [
        (0.5, 0.5, 0.65, 0.65),  # the first anchor of the fourth layer, which is one cell
        (0.5, 0.5, 0.8, 0.8),
        (0.5, 0.5, 0.95, 0.95),
    ]
    places = [78, 84, 90]
    codes = np.zeros((96, 4))
    codes[places] = _codes(BOXES, np.array(anchors)) * [10, 10, 5, 5]
    scores = class_logits(96, places, columns=1 + CLASSES, first=1)
    scores[:, 0] = 3.0
    return make_case(
        [("raw_outputs/box_encodings", codes[None], -16, 16), ("scores", scores[None], -8, 8)],
        dtype,
    )


HEAD_CASES: dict[str, Callable[[str], FamilyCase]] = {
    "mediapipe": mediapipe,
    "ssd-anchors": ssd_anchors,
    "detr": detr,
    "yolo-split": yolo_split,
}


def fomo(dtype: str) -> FamilyCase:
    """Return a FOMO grid of 8x8 cells: two touching cells of class 1, and one of class 0 in the last row."""
    grid = np.zeros((1, 8, 8, 1 + CLASSES))
    grid[..., 0] = 1.0
    for row, column, class_id, score in ((1, 2, 1, 0.9), (2, 3, 1, 0.7), (7, 0, 0, 0.6)):
        grid[0, row, column] = [1 - score] + [0.0] * CLASSES
        grid[0, row, column, 1 + class_id] = score
    op = OpInfo(name="SOFTMAX", inputs=(9,), outputs=(1,))
    return make_case([("out", grid, 0, 1)], dtype, ops=(op,))
