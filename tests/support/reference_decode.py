"""Plain decodes in float64, written from the definitions of the papers and tools, to compare the families with.

They share no code with edged: loops over cells and anchors, Python's numbers, no shortcuts.
"""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from edged.types import Detections, TensorInfo

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Found:
    """A detection: its box as fractions of the input, score and class."""

    box: Box
    score: float
    class_id: int


def real(array: NDArray[np.generic], tensor: TensorInfo) -> NDArray[np.float64]:
    """Return a tensor's values, not quantised."""
    values = array.astype(np.float64)
    return (values - tensor.zero_point) * tensor.scale if tensor.scale else values


def sigmoid(value: float) -> float:
    """Return the logistic function of a value."""
    return 1 / (1 + math.exp(-value))


def softmax_mean(values: list[float]) -> float:
    """Return the mean of the indices, weighted by the softmax of the values."""
    powers = [math.exp(value - max(values)) for value in values]
    return sum(index * power for index, power in enumerate(powers)) / sum(powers)


def split_yolo(
    sides: NDArray[np.float64], logits: NDArray[np.float64], width: int, height: int
) -> list[Found]:
    """Decode sides (N, 64) and logits (N, C) of the strides 8, 16 and 32; one detection per cell, its best class."""
    found, cell = [], 0
    for stride in (8, 16, 32):
        for row, column in product(range(height // stride), range(width // stride)):
            left, top, right, bottom = (
                softmax_mean(sides[cell, 16 * side : 16 * side + 16].tolist()) for side in range(4)
            )
            box = (
                (column + 0.5 - left) * stride / width,
                (row + 0.5 - top) * stride / height,
                (column + 0.5 + right) * stride / width,
                (row + 0.5 + bottom) * stride / height,
            )
            best = max(range(logits.shape[1]), key=logits[cell].tolist().__getitem__)
            found.append(Found(box, sigmoid(logits[cell, best]), best))
            cell += 1
    return found


def coded_box(code: list[float], anchor: list[float], scales: list[float], *, exp: bool) -> Box:
    """Decode ty, tx, th, tw for an anchor of centre y, centre x, height, width."""
    y = code[0] / scales[0] * anchor[2] + anchor[0]
    x = code[1] / scales[1] * anchor[3] + anchor[1]
    height, width = (
        (math.exp(code[k] / scales[k]) if exp else code[k] / scales[k]) * anchor[k] for k in (2, 3)
    )
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def standard_anchors(width: int, height: int) -> list[list[float]]:
    """Return the anchors of `ssd_anchor_generator` with its defaults: centre y, centre x, height, width."""
    scales = [0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0]
    rows, columns = math.ceil(height / 16), math.ceil(width / 16)
    short, anchors = min(width, height), []
    for layer in range(6):
        ratios = [(scales[layer], 2.0), (scales[layer], 0.5)]
        if layer == 0:
            boxes = [(0.1, 1.0), *ratios]
        else:
            boxes = [(scales[layer], 1.0), *ratios, (scales[layer], 3.0), (scales[layer], 0.3333)]
            boxes.append((math.sqrt(scales[layer] * scales[layer + 1]), 1.0))
        for row, column, (scale, ratio) in product(range(rows), range(columns), boxes):
            box_height = scale / math.sqrt(ratio) * short / height
            box_width = scale * math.sqrt(ratio) * short / width
            anchors.append([(row + 0.5) / rows, (column + 0.5) / columns, box_height, box_width])
        rows, columns = math.ceil(rows / 2), math.ceil(columns / 2)
    return anchors


def fomo_objects(grid: NDArray[np.float64], min_score: float) -> list[Found]:
    """Join the touching cells of each class of a grid (rows, columns, 1 + C) by flooding."""
    rows, columns, depth = grid.shape
    found = []
    for k in range(1, depth):
        left = {
            (r, c) for r, c in product(range(rows), range(columns)) if grid[r, c, k] >= min_score
        }
        while left:
            part, border = set(), {left.pop()}
            while border:
                r, c = border.pop()
                part.add((r, c))
                near = {(r + i, c + j) for i, j in product((-1, 0, 1), repeat=2)} & left
                border |= near
                left -= near
            ys, xs = [r for r, _ in part], [c for _, c in part]
            box = min(xs) / columns, min(ys) / rows, (max(xs) + 1) / columns, (max(ys) + 1) / rows
            found.append(Found(box, max(float(grid[r, c, k]) for r, c in part), k - 1))
    return found


def overlap(a: Box, b: Box) -> float:
    """Return the intersection over union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return common / (sum(areas) - common)


def select(found: list[Found], min_score: float, iou: float | None) -> list[Found]:
    """Clip boxes, sort by score, leave out low scores and, with `iou`, boxes that overlap a better one of their class."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: -one.score):
        x1, y1, x2, y2 = (min(max(value, 0.0), 1.0) for value in one.box)
        if one.score < min_score or x2 <= x1 or y2 <= y1:
            continue
        box = x1, y1, x2, y2
        same = (other.box for other in kept if other.class_id == one.class_id)
        if iou is None or all(overlap(box, other) < iou for other in same):
            kept.append(Found(box, one.score, one.class_id))
    return kept


def assert_same(got: Detections, wanted: list[Found], tolerance: float = 1e-4) -> None:
    """Compare detections in any order of equal scores; there must be some."""
    assert len(wanted) > 1
    assert len(got) == len(wanted)
    rest = list(wanted)
    for box, score, class_id in zip(got.boxes, got.scores, got.class_ids, strict=True):
        match = [
            one
            for one in rest
            if one.class_id == class_id
            and abs(one.score - score) <= tolerance
            and np.abs(np.array(one.box) - box).max() <= tolerance
        ]
        assert match, f"class {class_id}, score {score}, box {box} is not among {rest[:5]}"
        rest.remove(match[0])
