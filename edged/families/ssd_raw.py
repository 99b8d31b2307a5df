"""SSD heads without the post-process: box codes and scores for every cell, decoding and suppression left to us."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edged.families.inputs import image_input
from edged.families.outputs import (
    build_detections,
    class_count_mismatch,
    dequantise,
    find_above_threshold,
    top_candidates,
)
from edged.types import F32, Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo

STRIDES_PX = (8, 16, 32)
ANCHOR_STRIDES = 4
"""An anchor is a square of so many strides about the middle of its cell, as `edged-models` trains and exports it."""
_IOU_THRESHOLD = 0.2
"""Least intersection over union at which two boxes are one: as in the same models' post-process operator."""
_MAX_SIZE_CODE = 10.0
"""Greatest logarithm of a size in anchors; what lies beyond is a broken output, and would overflow."""


@dataclass(frozen=True, kw_only=True)
class SsdRawFamily:
    """Reads box codes [1, N, 4] and scores [1, N, C], N cells of strides 8, 16 and 32, level after level, row after row.

    A code is ty, tx, th, tw of TensorFlow's box coder with scale factors 1: the middle moves by anchor sizes, the size grows
    by powers of e. A float input is scaled to 0..1.
    """

    name: ClassVar[str] = "ssd-raw"
    input: InputSpec
    class_offset: int
    codes: TensorInfo
    scores: TensorInfo
    output_order: tuple[int, int]
    """Where codes and scores stand among the outputs."""
    anchors: F32
    """(N, 4) float32: centre y, centre x, height, width, in tensor coordinates."""

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """See `edged.interfaces.ModelFamily`."""
        spec = image_input(signature, fitting=Fitting.STRETCH, mean=0.0, std=255.0)
        if isinstance(spec, str):
            return spec
        table = make_anchors(spec.width, spec.height)
        wanted = f"[1, {len(table)}, 4] and [1, {len(table)}, classes]"
        shapes = [tensor.shape for tensor in signature.outputs]
        if len(shapes) != 2 or any(len(s) != 3 or s[:2] != (1, len(table)) for s in shapes):  # noqa: PLR2004  # codes and scores, [1, N, x]
            return f"its outputs {[list(s) for s in shapes]} are not {wanted}, one row for each cell of its {spec.width}x{spec.height} input"
        order = (0, 1) if shapes[0][2] == 4 else (1, 0)  # noqa: PLR2004  # a box
        if shapes[order[0]][2] != 4:  # noqa: PLR2004  # a box
            return f"neither of its outputs {[list(s) for s in shapes]} holds boxes"
        codes, scores = (signature.outputs[place] for place in order)
        return class_count_mismatch(signature, scores.shape[2]) or cls(
            input=spec,
            class_offset=0,
            codes=codes,
            scores=scores,
            output_order=order,
            anchors=table,
        )

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """See `edged.interfaces.ModelFamily`."""
        codes, classes = (outputs[place][0] for place in self.output_order)
        stored = classes.max(axis=1)
        keep = find_above_threshold(stored, self.scores, min_score)
        scores = dequantise(stored[keep], self.scores)
        chosen = top_candidates(scores)
        keep, scores = keep[chosen], scores[chosen]
        boxes = decode_boxes(dequantise(codes[keep], self.codes), self.anchors[keep])
        return build_detections(
            boxes, scores, classes[keep].argmax(axis=1), fit, iou_threshold=_IOU_THRESHOLD
        )


def make_anchors(width: int, height: int) -> F32:
    """(N, 4) float32: centre y, centre x, height, width of every cell's anchor, in tensor coordinates.

    Level after level from the finest, row after row; the input is `width` by `height` pixels.
    """
    levels = []
    for stride_px in STRIDES_PX:
        rows, columns = height // stride_px, width // stride_px
        middle_y, middle_x = (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns
        y, x = (grid.ravel() for grid in np.meshgrid(middle_y, middle_x, indexing="ij"))
        tall, wide = (
            np.full_like(y, ANCHOR_STRIDES / rows),
            np.full_like(x, ANCHOR_STRIDES / columns),
        )
        levels.append(np.stack([y, x, tall, wide], axis=1))
    return np.concatenate(levels).astype(np.float32)


def decode_boxes(codes: F32, anchors: F32) -> F32:
    """(N, 4) codes ty, tx, th, tw -> (N, 4) boxes x1, y1, x2, y2 in tensor coordinates."""
    centre = codes[:, :2] * anchors[:, 2:] + anchors[:, :2]
    half = np.exp(np.minimum(codes[:, 2:], _MAX_SIZE_CODE)) * anchors[:, 2:] / 2
    return np.concatenate([(centre - half)[:, ::-1], (centre + half)[:, ::-1]], axis=1)
