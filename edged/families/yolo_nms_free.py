"""The family of YOLO exports with suppression in the graph: YOLOv10, YOLO26, and Ultralytics' ``nms=True``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.candidates import build_detections
from edged.families.hits import find_above_threshold
from edged.families.inputs import image_input
from edged.families.label_count import class_offset
from edged.families.output_checks import check_outputs
from edged.families.outputs import (
    class_count_mismatch,
    dequantise,
    is_in_pixels,
)
from edged.model.layouts import yolo_grids
from edged.types import Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo

_MAX_ROWS = 1000
_OPEN = -1
"""The number of rows of a suppression that returns only what it found."""


@dataclass(frozen=True, kw_only=True)
class YoloNmsFreeFamily:
    """Decodes [1, N, 6]: x1, y1, x2, y2, score, class id.

    A float input is scaled to 0..1 and letterboxed on gray 114, as in Ultralytics' `LetterBox`.
    """

    name: ClassVar[str] = "yolo-nms-free"
    input: InputSpec
    class_offset: int
    output: TensorInfo

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model by its one output of six columns."""
        if len(signature.outputs) != 1:
            return f"it has {len(signature.outputs)} outputs instead of one [1, N, 6]"
        spec = image_input(signature, fitting=Fitting.LETTERBOX, mean=0.0, std=255.0)
        if isinstance(spec, str):
            return spec
        output = signature.outputs[0]
        cells = [count for count, _ in yolo_grids(spec.width, spec.height)]
        match output.shape:
            case (1, n, 6) if n in cells or n in [3 * count for count in cells]:
                return "its output [1, N, 6] has a row for each cell: a YOLO with one class and objectness"
            case (1, n, 6) if n == _OPEN or 0 < n <= _MAX_ROWS:
                return class_count_mismatch(signature, None) or cls(
                    input=spec, class_offset=class_offset(signature, None), output=output
                )
        return f"its output {list(output.shape)} is not [1, N, 6] with N up to {_MAX_ROWS}"

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Turn the rows that reach the threshold into detections.

        Args:
            outputs: one array (1, N, 6), any dtype.
            fit: how the frame was fitted into the tensor.
            min_score: detections with a lower score are left out.

        Raises:
            ModelError: a box, score or class id is not a number, or a class id is impossible.
        """
        rows = _read_rows(*check_outputs(outputs, [self.output], is_resized=True))
        best = rows[find_above_threshold(rows[:, 4], self.output, min_score)]
        candidates = dequantise(best, self.output)
        boxes = candidates[:, :4]
        if is_in_pixels(boxes, rows[:, :4], self.output):
            boxes /= np.array([self.input.width, self.input.height] * 2, np.float32)
        return build_detections(boxes, candidates[:, 4], candidates[:, 5], fit, iou_threshold=None)


def _read_rows(output: NDArray[np.generic]) -> NDArray[np.generic]:
    if output.ndim != 3 or output.shape[0] != 1 or output.shape[2] != 6:  # noqa: PLR2004 - [1, N, 6]
        raise ModelError(
            f"the model's output has the shape {list(output.shape)} instead of [1, N, 6]"
        )
    rows: NDArray[np.generic] = output[0]
    return rows
