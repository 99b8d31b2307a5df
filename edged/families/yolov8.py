"""The family of YOLOv8 and YOLO11 heads: boxes and classes, no objectness, one candidate per cell; suppression is done here."""

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
    is_in_pixels,
    to_corners,
)
from edged.model.layouts import yolo_grids
from edged.types import Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo


@dataclass(frozen=True, kw_only=True)
class YoloV8Family:
    """Decodes [1, 4 + C, N]: centre x, centre y, width, height, then class scores after their sigmoids.

    A float input is scaled to 0..1 and letterboxed on gray 114, as in Ultralytics' `LetterBox`.
    """

    name: ClassVar[str] = "yolov8"
    input: InputSpec
    class_offset: int
    output: TensorInfo

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model by its one output with one column per cell."""
        if len(signature.outputs) != 1:
            return f"it has {len(signature.outputs)} outputs instead of one [1, 4 + classes, N]"
        spec = image_input(signature, fitting=Fitting.LETTERBOX, mean=0.0, std=255.0)
        if isinstance(spec, str):
            return spec
        output = signature.outputs[0]
        counts = [cells for cells, _ in yolo_grids(spec.width, spec.height)]
        match output.shape:
            case (1, depth, n) if n in counts and depth > 4:  # noqa: PLR2004 - the box
                return class_count_mismatch(signature, depth - 4) or cls(
                    input=spec, class_offset=class_offset(signature, depth - 4), output=output
                )
        return (
            f"its output {list(output.shape)} is not [1, 4 + classes, N] with N = {counts[0]}, "
            f"one for each cell of its {spec.width}x{spec.height} input"
        )

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Decode the best columns, and suppress overlapping boxes.

        Args:
            outputs: one array (1, 4 + C, N), any dtype.
            fit: how the frame was fitted into the tensor.
            min_score: detections with a lower score are left out.

        Raises:
            ModelError: a box, score or class id is not a number, or a class id is impossible.
        """
        columns = check_outputs(outputs, [self.output])[0][0]
        keep, scores, class_ids = find_best_rows(
            columns[4:].T, self.output, min_score, logits=False
        )
        boxes = dequantise(columns[:4, keep].T, self.output)
        in_pixels = is_in_pixels(boxes, columns[:2], self.output)
        boxes = to_corners(boxes)
        if in_pixels:
            boxes /= np.array([self.input.width, self.input.height] * 2, np.float32)
        return build_detections(boxes, scores, class_ids, fit)
