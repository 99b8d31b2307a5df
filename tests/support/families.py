"""For every model family, a made model and outputs with known detections.

They are always the same three detections in tensor coordinates, the last one with a low score; families with non-maximum suppression
also get near copies of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.types import FileMetadata, ModelSignature, OpInfo, TensorInfo

SIDE_PX = 64
CLASSES = 3
BOXES = np.array([[0.10, 0.20, 0.40, 0.60], [0.50, 0.50, 0.90, 0.80], [0.05, 0.70, 0.25, 0.95]])
SCORES = np.array([0.9, 0.6, 0.2])
CLASS_IDS = np.array([2, 0, 1])
_CELLS = [(c, r, s) for s in (8, 16, 32) for r in range(SIDE_PX // s) for c in range(SIDE_PX // s)]


@dataclass(frozen=True)
class FamilyCase:
    """A model that only one family should take, with its outputs."""

    signature: ModelSignature
    outputs: tuple[NDArray[np.generic], ...]
    tolerance: float
    """Tolerance of box corners and scores: the step of the quantisation."""


def quantise(
    values: NDArray[np.float64], dtype: str, low: float, high: float
) -> tuple[NDArray[np.generic], float, int]:
    """Quantise values as a converter does; return the array, its scale and its zero point."""
    if dtype == "float32":
        return values.astype(np.float32), 0.0, 0
    limits = np.iinfo(dtype)
    scale = (high - low) / (int(limits.max) - int(limits.min))
    zero_point = int(np.rint(limits.min - low / scale))
    stored = np.clip(np.rint(values / scale) + zero_point, limits.min, limits.max)
    return stored.astype(dtype), scale, zero_point


def make_case(
    outputs: list[tuple[str, NDArray[np.float64], float, float]],
    dtype: str = "float32",
    *,
    ops: tuple[OpInfo, ...] = (),
    labels: tuple[str, ...] = (),
    shape: tuple[int, ...] = (1, SIDE_PX, SIDE_PX, 3),
) -> FamilyCase:
    """Return a model with one picture as its input; outputs are (name, values, min, max), numbered from 1."""
    infos, arrays, steps = [], [], [1e-5]
    for index, (name, values, low, high) in enumerate(outputs, start=1):
        array, scale, zero_point = quantise(values, dtype, low, high)
        infos.append(
            TensorInfo(
                index=index,
                name=name,
                shape=array.shape,
                dtype=array.dtype.name,
                scale=scale,
                zero_point=zero_point,
            )
        )
        arrays.append(array)
        steps.append(scale)
    signature = ModelSignature(
        inputs=(TensorInfo(index=0, name="image", shape=shape, dtype="float32"),),
        outputs=tuple(infos),
        ops=ops,
        metadata=FileMetadata(labels=labels),
    )
    return FamilyCase(signature, tuple(arrays), max(steps))


def to_center_size(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return boxes as centre and size."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def ssd(dtype: str) -> FamilyCase:
    """Return an SSD with the post-process operator, outputs in TF1's order; values beyond the count are random."""
    boxes = np.full((1, 5, 4), 0.77)
    boxes[0, :3] = BOXES[:, [1, 0, 3, 2]]
    classes, scores = np.full((1, 5), 2.0), np.full((1, 5), 0.99)
    classes[0, :3], scores[0, :3] = CLASS_IDS, SCORES
    return make_case(
        [
            ("a", boxes, 0, 1),
            ("b", classes, 0, 5),
            ("c", scores, 0, 1),
            ("d", np.array([3.0]), 0, 5),
        ],
        dtype,
        ops=(OpInfo(name="TFLite_Detection_PostProcess", inputs=(0,), outputs=(1, 2, 3, 4)),),
    )


def _rows(count: int, *, objectness: bool) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return rows of box, objectness (if asked for) and class scores, and the rows of the detections and their near copies."""
    rows = np.zeros((count, 4 + objectness + CLASSES))
    rows[:, :4] = 0.5
    places = np.array([7, 20, 40, 8, 21])
    answer = np.concatenate([BOXES, BOXES[:2] + 0.01])
    rows[places, :4] = to_center_size(answer)
    scores = np.concatenate([SCORES, SCORES[:2] - 0.1])
    ids = np.concatenate([CLASS_IDS, CLASS_IDS[:2]])
    if objectness:
        scores = np.sqrt(scores)
        rows[places, 4] = scores
    rows[places, 4 + objectness + ids] = scores
    return rows, places


def yolov5(dtype: str) -> FamilyCase:
    """Return a YOLOv5, boxes in fractions of the input."""
    rows, _ = _rows(3 * len(_CELLS), objectness=True)
    return make_case([("out", rows[None], 0, 1)], dtype)


def yolov8(dtype: str) -> FamilyCase:
    """Return a YOLOv8, boxes in fractions of the input."""
    rows, _ = _rows(len(_CELLS), objectness=False)
    return make_case([("out", rows.T[None], 0, 1)], dtype)


def yolox(dtype: str) -> FamilyCase:
    """Return a YOLOX: offsets and logarithms in cells, channels first."""
    rows, places = _rows(len(_CELLS), objectness=True)
    cells = np.array(_CELLS, float)
    px = rows[:, :4] * SIDE_PX / cells[:, 2:]
    raw = np.concatenate([px[:, :2] - cells[:, :2], np.log(px[:, 2:])], axis=1)
    idle = np.setdiff1d(np.arange(len(rows)), places)
    raw[idle] = 0.5
    rows[:, :4] = raw
    case = make_case([("out", rows[None], -8, 8)], dtype, shape=(1, 3, SIDE_PX, SIDE_PX))
    return FamilyCase(case.signature, case.outputs, case.tolerance * 2)


def yolo_nms_free(dtype: str) -> FamilyCase:
    """Return a YOLO without non-maximum suppression: three of a hundred rows are filled; class ids share the coordinates' scale."""
    rows = np.zeros((1, 100, 6))
    rows[0, :3] = np.concatenate([BOXES, SCORES[:, None], CLASS_IDS[:, None]], axis=1)
    return make_case([("out", rows, 0, 2)], dtype)


def ssd_raw(dtype: str) -> FamilyCase:
    """Return an SSD with raw outputs: box codes for anchors of four strides, and scores."""
    rows, places = _rows(len(_CELLS), objectness=False)
    column, row, stride = np.array(_CELLS, float).T
    anchor = 4 * stride / SIDE_PX
    middle = np.stack([(row + 0.5) * stride, (column + 0.5) * stride], axis=1) / SIDE_PX
    moved = (rows[:, [1, 0]] - middle) / anchor[:, None]
    grown = np.log(np.maximum(rows[:, [3, 2]], 1e-3) / anchor[:, None])
    codes = np.concatenate([moved, grown], axis=1)
    codes[np.setdiff1d(np.arange(len(rows)), places)] = 0.0
    return make_case([("codes", codes[None], -3, 3), ("scores", rows[None, :, 4:], 0, 1)], dtype)


CASES: dict[str, Callable[[str], FamilyCase]] = {
    "ssd": ssd,
    "ssd-raw": ssd_raw,
    "yolo-nms-free": yolo_nms_free,
    "yolox": yolox,
    "yolov5": yolov5,
    "yolov8": yolov8,
}
"""Cases by family name; classification has no boxes and is tested separately."""


def classification(dtype: str) -> FamilyCase:
    """Return a classifier that finds the second of four classes."""
    op = OpInfo(name="SOFTMAX", inputs=(9,), outputs=(1,))
    return make_case([("out", np.array([[0.1, 0.7, 0.15, 0.05]]), 0, 1)], dtype, ops=(op,))
