"""The family of YOLO heads that are split before their decoding, as they are exported for the EdgeTPU."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.candidates import build_detections
from edged.families.class_scores import are_logits, find_best_rows, sigmoid
from edged.families.inputs import image_input
from edged.families.label_count import find_class_offset
from edged.families.output_checks import check_outputs
from edged.families.outputs import dequantise
from edged.families.split_levels import BINS, Columns, Level, find_levels
from edged.types import F32, Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo

_ANCHORS = 3
"""Anchors for each cell of the heads before YOLOv8, whose grids are [1, rows, columns, 3 * (5 + classes)]."""
_GRID_RANK = 4
"""Of [1, rows, columns, depth]."""
_MAX_DIFFERENCE = 0.05
"""Largest difference of two scores that are the same but for the quantisation of their logits."""


@dataclass(frozen=True, kw_only=True, eq=False)
class YoloSplitFamily:
    """Decodes distributions of box sides [1, N, 64] and class logits [1, N, C], together, for each stride, or joined as [1, N, 64 + C].

    Each of the four sides, left, top, right, bottom, is a distribution over 16 distances from the centre of the cell; the
    mean of its softmax, in strides, is the distance ("Generalized Focal Loss", Li et al. 2020; the `DFL` of YOLOv8, YOLOv9
    and YOLO11). It is computed here because 8 bits cannot hold both the distributions and the boxes. A float input is scaled
    to 0..1 and letterboxed on gray 114.
    """

    name: ClassVar[str] = "yolo-split"
    input: InputSpec
    class_offset: int
    tensors: tuple[TensorInfo, ...]
    """The outputs in the file's order."""
    levels: tuple[Level, ...]

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model by outputs of one row per cell, of which one has 64 columns."""
        spec = image_input(signature, fitting=Fitting.LETTERBOX, mean=0.0, std=255.0)
        if isinstance(spec, str):
            return spec
        levels = find_levels(signature.outputs, spec.width, spec.height)
        if isinstance(levels, str):
            return levels
        if not signature.metadata.labels and (depth := _find_ambiguous_depth(signature, levels)):
            return f"its {depth} columns can be boxes and classes, or {_ANCHORS} anchors (YOLOv3 to v7), and without labels nothing tells which"
        offset = find_class_offset(signature, levels[0].scores.depth, counts_background=True)
        if isinstance(offset, str):
            return offset
        return cls(input=spec, class_offset=offset, tensors=signature.outputs, levels=levels)

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Decode the boxes of the best cells, and suppress overlapping ones.

        Args:
            outputs: distributions (1, N, 64) and logits (1, N, C), or one of the other layouts, any dtype, in the file's order.
            fit: how the frame was fitted into the tensor.
            min_score: detections with a lower score are left out.

        Raises:
            ModelError: a box or score is not a finite number, or the third output is not the best score of each cell.
        """
        outputs = check_outputs(outputs, self.tensors)
        tables = [level.scores.read(outputs) for level in self.levels]
        logits = any(
            are_logits(table, level.scores.tensor)
            for table, level in zip(tables, self.levels, strict=True)
        )
        boxes, scores, class_ids = [], [], []
        for level, table in zip(self.levels, tables, strict=True):
            rows, best, ids = find_best_rows(table, level.scores.tensor, min_score, logits=logits)
            if level.best_scores is not None:
                _check_best_scores(level.best_scores, outputs, rows, best)
            sides = dequantise(level.boxes.read(outputs)[rows], level.boxes.tensor)
            boxes.append(decode_sides(sides, level.cells[rows]))
            scores.append(best)
            class_ids.append(ids)
        size = np.array([self.input.width, self.input.height] * 2, np.float32)
        corners = np.concatenate(boxes) / size
        return build_detections(corners, np.concatenate(scores), np.concatenate(class_ids), fit)


def _find_ambiguous_depth(signature: ModelSignature, levels: Sequence[Level]) -> int | None:
    """Return the number of columns of a joined output that could also be something else; None if there is none."""
    if not any(level.boxes.position == level.scores.position for level in levels):
        return None
    depth = levels[0].boxes.depth + levels[0].scores.depth
    is_grid = len(signature.outputs[0].shape) == _GRID_RANK
    return depth if len(signature.outputs) == 1 or (is_grid and depth % _ANCHORS == 0) else None


def _check_best_scores(
    columns: Columns, outputs: Sequence[NDArray[np.generic]], rows: NDArray[np.intp], scores: F32
) -> None:
    """Check what no shape tells: the one column could also be the angle of a box, or the only class of a pose model."""
    values = dequantise(columns.read(outputs)[rows, 0], columns.tensor)
    differences = np.minimum(np.abs(values - scores), np.abs(sigmoid(values) - scores))
    if not (differences <= _MAX_DIFFERENCE).all():
        raise ModelError(
            f"the model's output {columns.tensor.name!r} is not the best score of each cell: "
            "is it a model for oriented boxes or poses?"
        )


@np.errstate(over="ignore", invalid="ignore")  # values that are not finite are refused
def decode_sides(sides: F32, cells: F32) -> F32:
    """Convert distributions of distances to boxes.

    Args:
        sides: (N, 64) float32, the logits of 16 distances for left, top, right and bottom.
        cells: (N, 3) float32, column, row and stride in pixels of each cell.

    Returns:
        (N, 4) float32, [x1, y1, x2, y2] in pixels of the input.
    """
    values = sides.reshape(-1, 4, BINS)
    powers = np.exp(values - values.max(axis=2, keepdims=True, initial=-np.inf))
    distances = powers @ np.arange(BINS, dtype=np.float32) / powers.sum(axis=2)
    centre = cells[:, :2] + 0.5
    corners = np.concatenate([centre - distances[:, :2], centre + distances[:, 2:]], axis=1)
    return np.asarray(corners * cells[:, 2:], np.float32)
