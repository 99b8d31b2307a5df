"""The family of Edge Impulse's FOMO: a grid of cells, each with the class of the object whose centre lies there."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import ClassVar, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.families.candidates import build_detections
from edged.families.hits import find_hits
from edged.families.inputs import image_input
from edged.families.label_count import find_class_offset
from edged.families.output_checks import check_outputs
from edged.families.outputs import dequantise
from edged.types import F32, Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo

_STRIDES_PX = (8, 4, 16, 32)
_PASS_THROUGH_OPS = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE")
_TOUCHING = 8
"""Number of neighbours of a cell, the diagonal ones included."""


@dataclass(frozen=True, kw_only=True)
class FomoFamily:
    """Decodes a grid [1, rows, columns, 1 + C] of class scores, of which column 0 is the background.

    Cells of a class that reach the threshold and touch, also diagonally, are one object: its box is that of all its cells and
    its score the highest, as in Edge Impulse's `process_cubes`. A box therefore tells where an object is, not how large. A
    float input is scaled to 0..1 and stretched.
    """

    name: ClassVar[str] = "fomo"
    input: InputSpec
    class_offset: int
    output: TensorInfo

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model by its one output, a grid of cells of 4, 8, 16 or 32 pixels after a softmax."""
        spec = image_input(signature, fitting=Fitting.STRETCH, mean=0.0, std=255.0)
        if isinstance(spec, str):
            return spec
        if len(signature.outputs) != 1:
            return f"it has {len(signature.outputs)} outputs instead of one grid [1, rows, columns, 1 + classes]"
        output = signature.outputs[0]
        if not _is_grid(output.shape, spec):
            rows, columns = spec.height // _STRIDES_PX[0], spec.width // _STRIDES_PX[0]
            return (
                f"its output {list(output.shape)} is not a grid [1, {rows}, {columns}, 1 + classes]"
            )
        if not _ends_with_softmax(signature, output):
            return f"its output {list(output.shape)} is a grid without a softmax over its classes"
        offset = find_class_offset(signature, output.shape[3] - 1)
        if isinstance(offset, str):
            return offset
        return cls(input=spec, class_offset=offset, output=output)

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Join the cells that reach the threshold.

        Args:
            outputs: one array (1, rows, columns, 1 + C), any dtype.
            fit: how the frame was fitted into the tensor.
            min_score: cells with a lower score are left out.

        Raises:
            ModelError: a score is not a number.
        """
        grid = check_outputs(outputs, [self.output])[0][0]
        table = grid.reshape(-1, grid.shape[2])
        places, columns = find_hits(table, self.output, min_score, ignored=(0,))
        if not len(places):
            return Detections.empty()
        values = dequantise(table[places, columns], self.output)
        boxes: list[NDArray[np.int32]] = []
        scores: list[F32] = []
        class_ids: list[int] = []
        for column in np.unique(columns):
            is_of_class = columns == column
            cells = places[is_of_class]
            marked = np.zeros(grid.shape[:2], np.uint8)
            marked.ravel()[cells] = 1
            count, parts, areas, _ = cv2.connectedComponentsWithStats(
                marked, connectivity=_TOUCHING
            )
            best = np.zeros(count, np.float32)
            np.maximum.at(best, parts.ravel()[cells], values[is_of_class])
            scores.append(best[1:])
            boxes.append(np.asarray(areas[1:, :4], np.int32))
            class_ids += [column - 1] * (count - 1)
        size = np.array(grid.shape[1::-1] * 2, np.float32)
        corners = np.concatenate(boxes).astype(np.float32)
        corners[:, 2:] += corners[:, :2]
        return build_detections(
            corners / size,
            np.concatenate(scores),
            np.array(class_ids),
            fit,
            iou_threshold=None,
        )


def _is_grid(shape: tuple[int, ...], spec: InputSpec) -> bool:
    match shape:
        case (1, rows, columns, depth) if rows * columns > 1 and depth > 1:
            sides = ((rows, spec.height), (columns, spec.width))
            return any(
                all(count in (side // stride, ceil(side / stride)) for count, side in sides)
                for stride in _STRIDES_PX
            )
    return False


def _ends_with_softmax(signature: ModelSignature, output: TensorInfo) -> bool:
    """Return whether the graph ends with a softmax, or does not show how it ends."""
    producers = {index: op for op in signature.ops for index in op.outputs}
    op = producers.get(output.index)
    for _ in signature.ops:
        if op is None or op.name not in _PASS_THROUGH_OPS or not op.inputs:
            break
        op = producers.get(op.inputs[0])
    return op is None or op.name == "SOFTMAX" or op.name.startswith("edgetpu")
