"""The family of SSD heads without the post-process: box codes and scores for every cell; decoding and suppression are done here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edged.families.candidates import build_detections
from edged.families.class_scores import find_best_rows
from edged.families.inputs import image_input
from edged.families.label_count import class_offset
from edged.families.output_checks import check_outputs
from edged.families.outputs import (
    class_count_mismatch,
    dequantise,
)
from edged.types import F32, Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo

STRIDES_PX = (8, 16, 32)
ANCHOR_STRIDES = 4
"""Side of the square anchor around the centre of its cell, in strides, as `edged-models` trains and exports it."""
_IOU_THRESHOLD = 0.2
"""Smallest intersection over union at which two boxes are one object, as in the same models' post-process operator."""
_MAX_SIZE_CODE = 10.0
"""Largest logarithm of a size in anchors; larger values are invalid outputs, and would overflow."""


@dataclass(frozen=True, kw_only=True)
class SsdRawFamily:
    """Decodes box codes [1, N, 4] and scores [1, N, C], N cells of strides 8, 16 and 32, level after level, row after row.

    A code is ty, tx, th, tw of TensorFlow's box coder with scale factors 1: the centre moves by anchor sizes, the size grows
    by powers of e. A float input is scaled to 0..1.
    """

    name: ClassVar[str] = "ssd-raw"
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
        spec = image_input(signature, fitting=Fitting.STRETCH, mean=0.0, std=255.0)
        if isinstance(spec, str):
            return spec
        count = sum((spec.width // s) * (spec.height // s) for s in STRIDES_PX)
        shapes = [tensor.shape for tensor in signature.outputs]
        order = _find_output_order(shapes, count)
        if order is None:
            return (
                f"its outputs {[list(shape) for shape in shapes]} are not [1, {count}, 4] and "
                f"[1, {count}, classes], one row for each cell of its {spec.width}x{spec.height} input"
            )
        codes, scores = (signature.outputs[position] for position in order)
        return class_count_mismatch(signature, scores.shape[2]) or cls(
            input=spec,
            class_offset=class_offset(signature, scores.shape[2]),
            codes=codes,
            scores=scores,
            output_order=order,
            anchors=make_anchors(spec.width, spec.height),
        )

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Decode the boxes of the best cells, and suppress overlapping ones.

        Args:
            outputs: codes (1, N, 4) and scores (1, N, C), any dtype, in the file's order.
            fit: how the frame was fitted into the tensor.
            min_score: detections with a lower score are left out.

        Raises:
            ModelError: a box, score or class id is not a number, or a class id is impossible.
        """
        tensors = [(self.codes, self.scores)[position] for position in self.output_order]
        check_outputs(outputs, tensors)
        codes, classes = (outputs[position][0] for position in self.output_order)
        keep, scores, class_ids = find_best_rows(classes, self.scores, min_score, logits=False)
        boxes = decode_boxes(dequantise(codes[keep], self.codes), self.anchors[keep])
        return build_detections(boxes, scores, class_ids, fit, iou_threshold=_IOU_THRESHOLD)


def _find_output_order(shapes: Sequence[tuple[int, ...]], rows: int) -> tuple[int, int] | None:
    match shapes:
        case [(1, n, 4), (1, m, classes)] if n == m == rows and classes > 0:
            return 0, 1
        case [(1, n, classes), (1, m, 4)] if n == m == rows and classes > 0:
            return 1, 0
    return None


def make_anchors(width: int, height: int) -> F32:
    """Return the anchors of all cells, level after level from the finest, row after row.

    Args:
        width: width of the input, pixels.
        height: height of the input, pixels.

    Returns:
        (N, 4) float32: centre y, centre x, height, width, in tensor coordinates.
    """
    levels = []
    for stride_px in STRIDES_PX:
        rows, columns = height // stride_px, width // stride_px
        if not rows or not columns:
            continue  # an input of 16 to 31 px has no cell of 32 px
        centre_y, centre_x = (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns
        y, x = (grid.ravel() for grid in np.meshgrid(centre_y, centre_x, indexing="ij"))
        heights = np.full_like(y, ANCHOR_STRIDES / rows)
        widths = np.full_like(x, ANCHOR_STRIDES / columns)
        levels.append(np.stack([y, x, heights, widths], axis=1))
    return np.concatenate(levels).astype(np.float32)


@np.errstate(over="ignore", invalid="ignore")  # `build_detections` refuses what is not finite
def decode_boxes(codes: F32, anchors: F32) -> F32:
    """Convert box codes to boxes.

    Args:
        codes: (N, 4) float32, [ty, tx, th, tw].
        anchors: (N, 4) float32, [centre y, centre x, height, width] in tensor coordinates.

    Returns:
        (N, 4) float32, [x1, y1, x2, y2] in tensor coordinates.
    """
    centre = codes[:, :2] * anchors[:, 2:] + anchors[:, :2]
    half = np.exp(np.minimum(codes[:, 2:], _MAX_SIZE_CODE)) * anchors[:, 2:] / 2
    return np.concatenate([(centre - half)[:, ::-1], (centre + half)[:, ::-1]], axis=1)
