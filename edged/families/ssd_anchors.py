"""The family of the TensorFlow Object Detection API's SSD heads without the post-process, on that API's standard anchors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edged.families.candidates import build_detections
from edged.families.class_scores import are_logits, find_best_rows
from edged.families.inputs import image_input
from edged.families.label_count import find_class_offset
from edged.families.output_checks import check_outputs
from edged.families.outputs import dequantise
from edged.families.ssd_raw import decode_boxes
from edged.types import F32, Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo

_LAYERS = 6
_FINEST_STRIDE_PX = 16
_MIN_SCALE, _MAX_SCALE = 0.2, 0.95
_LOWEST_LAYER_SCALE = 0.1
_ASPECT_RATIOS = (1.0, 2.0, 0.5, 3.0, 0.3333)
_CODE_SCALES = np.array([10.0, 10.0, 5.0, 5.0], np.float32)
_IOU_THRESHOLD = 0.6
"""Smallest intersection over union at which two boxes are one object: the API's value in the configurations of these models."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SsdAnchorsFamily:
    """Decodes box codes [1, N, 4] and class scores [1, N, 1 + C], of which column 0 is the background; N is 1917 for 300x300.

    The anchors are those of `ssd_anchor_generator` with its defaults: six layers, scales from 0.2 to 0.95, three anchors per
    cell of the finest layer and six of the others. A code is ty, tx, th, tw of the API's box coder with scale factors 10, 10,
    5, 5. Scores are exported before or after their sigmoid. A float input is scaled to -1..1.
    """

    name: ClassVar[str] = "ssd-anchors"
    input: InputSpec
    class_offset: int
    codes: TensorInfo
    scores: TensorInfo
    output_order: tuple[int, int]
    """Positions of codes and scores among the outputs."""
    anchors: F32
    """(N, 4) float32: centre y, centre x, height, width, in tensor coordinates."""

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model by the number of rows of its two outputs."""
        spec = image_input(signature, fitting=Fitting.STRETCH, mean=127.5, std=127.5)
        if isinstance(spec, str):
            return spec
        rows = sum(len(sizes) * grid[0] * grid[1] for grid, sizes in _layers(spec))
        order = _find_output_order(signature.outputs, rows)
        if order is None:
            return (
                f"its outputs {[list(tensor.shape) for tensor in signature.outputs]} are not [1, {rows}, 4] and "
                f"[1, {rows}, 1 + classes], one row for each standard anchor of its {spec.width}x{spec.height} input"
            )
        codes, scores = (signature.outputs[position] for position in order)
        offset = find_class_offset(signature, scores.shape[2] - 1)
        if isinstance(offset, str):
            return offset
        return cls(
            input=spec,
            class_offset=offset,
            codes=codes,
            scores=scores,
            output_order=order,
            anchors=make_standard_anchors(spec),
        )

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Decode the boxes of the best anchors, and suppress overlapping ones; the background is left out.

        Args:
            outputs: codes (1, N, 4) or (1, N, 1, 4), and scores (1, N, 1 + C), any dtype, in the file's order.
            fit: how the frame was fitted into the tensor.
            min_score: detections with a lower score are left out.

        Raises:
            ModelError: a box or score is not a finite number.
        """
        tensors = [(self.codes, self.scores)[position] for position in self.output_order]
        arrays = check_outputs(outputs, tensors)
        codes, scores = (arrays[position] for position in self.output_order)
        table = scores[0]
        rows, best, columns = find_best_rows(
            table, self.scores, min_score, logits=are_logits(table, self.scores), ignored=(0,)
        )
        chosen = dequantise(codes.reshape(-1, 4)[rows], self.codes)
        boxes = decode_boxes(chosen / _CODE_SCALES, self.anchors[rows])
        return build_detections(boxes, best, columns - 1, fit, iou_threshold=_IOU_THRESHOLD)


def _find_output_order(outputs: Sequence[TensorInfo], rows: int) -> tuple[int, int] | None:
    def is_codes(tensor: TensorInfo) -> bool:
        return tensor.shape in ((1, rows, 4), (1, rows, 1, 4))

    match outputs:
        case [first, second] if is_codes(first) and is_codes(second):
            return (1, 0) if "class" in first.name.lower() else (0, 1)
        case [first, second] if is_codes(first) and second.shape[:2] == (1, rows):
            order = 0, 1
        case [first, second] if is_codes(second) and first.shape[:2] == (1, rows):
            order = 1, 0
        case _:
            return None
    scores = outputs[order[1]].shape
    return order if len(scores) == 3 and scores[2] > 1 else None  # noqa: PLR2004 - [1, N, 1 + C]


def make_standard_anchors(spec: InputSpec) -> F32:
    """Return the anchors of an input, layer after layer, row after row, the anchors of a cell together.

    Returns:
        (N, 4) float32: centre y, centre x, height, width, in tensor coordinates.
    """
    layers = []
    for (rows, columns), sizes in _layers(spec):
        y, x, index = np.mgrid[:rows, :columns, : len(sizes)].reshape(3, -1)
        centre = [(y + 0.5) / rows, (x + 0.5) / columns]
        layers.append(np.stack([*centre, *np.array(sizes)[index].T], axis=1))
    return np.concatenate(layers).astype(np.float32)


def _layers(spec: InputSpec) -> Iterator[tuple[tuple[int, int], list[tuple[float, float]]]]:
    """Yield for each layer its rows and columns, and the heights and widths of the anchors of a cell."""
    step = (_MAX_SCALE - _MIN_SCALE) / (_LAYERS - 1)
    scales = [_MIN_SCALE + step * layer for layer in range(_LAYERS)] + [1.0]
    shorter = min(spec.width, spec.height)
    base = shorter / spec.height, shorter / spec.width
    grid = ceil(spec.height / _FINEST_STRIDE_PX), ceil(spec.width / _FINEST_STRIDE_PX)
    for layer in range(_LAYERS):
        scale = scales[layer]
        if layer == 0:
            shapes = [(_LOWEST_LAYER_SCALE, 1.0), (scale, 2.0), (scale, 0.5)]
        else:
            shapes = [(scale, ratio) for ratio in _ASPECT_RATIOS]
            shapes.append((sqrt(scale * scales[layer + 1]), 1.0))
        yield grid, [(s / sqrt(r) * base[0], s * sqrt(r) * base[1]) for s, r in shapes]
        grid = ceil(grid[0] / 2), ceil(grid[1] / 2)
