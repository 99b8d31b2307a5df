"""The family of YOLOv5 and YOLOv7 heads: boxes, objectness and classes, three anchors per cell; suppression is done here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edged.families.candidates import build_detections
from edged.families.inputs import image_input
from edged.families.label_count import class_offset
from edged.families.output_checks import check_outputs
from edged.families.outputs import (
    class_count_mismatch,
    is_in_pixels,
    read_objectness_rows,
    to_corners,
)
from edged.model.layouts import yolo_grids
from edged.types import Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo

_ANCHORS_PER_CELL = 3
_LAST_ROWS = 1024
"""Rows whose coordinates tell whether they are pixels: each level ends with the cells at the bottom right."""


@dataclass(frozen=True, kw_only=True)
class YoloV5Family:
    """Decodes [1, N, 5 + C]: centre x, centre y, width, height, objectness, class scores, all after their sigmoids.

    The score is objectness times class score, as in YOLOv5's own suppression. A float input is scaled to 0..1 and letterboxed
    on gray 114, as in its `letterbox`.
    """

    name: ClassVar[str] = "yolov5"
    input: InputSpec
    class_offset: int
    output: TensorInfo

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model by its one output with three rows per cell."""
        if len(signature.outputs) != 1:
            return f"it has {len(signature.outputs)} outputs instead of one [1, N, 5 + classes]"
        spec = image_input(signature, fitting=Fitting.LETTERBOX, mean=0.0, std=255.0)
        if isinstance(spec, str):
            return spec
        output = signature.outputs[0]
        counts = [_ANCHORS_PER_CELL * cells for cells, _ in yolo_grids(spec.width, spec.height)]
        match output.shape:
            case (1, n, depth) if n in counts and depth > 5:  # noqa: PLR2004 - box and objectness
                return class_count_mismatch(signature, depth - 5) or cls(
                    input=spec, class_offset=class_offset(signature, depth - 5), output=output
                )
        return (
            f"its output {list(output.shape)} is not [1, N, 5 + classes] with N = {counts[0]}, "
            f"three for each cell of its {spec.width}x{spec.height} input"
        )

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Decode the best rows, and suppress overlapping boxes.

        Args:
            outputs: one array (1, N, 5 + C), any dtype.
            fit: how the frame was fitted into the tensor.
            min_score: detections with a lower score are left out.

        Raises:
            ModelError: a box, score or class id is not a number, or a class id is impossible.
        """
        rows = check_outputs(outputs, [self.output])[0][0]
        _, boxes, scores, class_ids = read_objectness_rows(rows, self.output, min_score)
        in_pixels = is_in_pixels(boxes, rows[-_LAST_ROWS:, :2], self.output)
        boxes = to_corners(boxes)
        if in_pixels:
            boxes /= np.array([self.input.width, self.input.height] * 2, np.float32)
        return build_detections(boxes, scores, class_ids, fit)
