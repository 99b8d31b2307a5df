"""YOLO exports that have done their own suppression: YOLOv10, YOLO26, and Ultralytics' ``nms=True``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edged.families.inputs import image_input
from edged.families.outputs import at_least, collect, grids, in_pixels, real
from edged.types import Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo

_MOST_ROWS = 1000


@dataclass(frozen=True, kw_only=True)
class YoloNmsFreeFamily:
    """Reads [1, N, 6]: x1, y1, x2, y2, score, class id.

    A float input is scaled to 0..1 and letterboxed on gray 114, as in Ultralytics' `LetterBox`.
    """

    name: ClassVar[str] = "yolo-nms-free"
    input: InputSpec
    class_offset: int
    output: TensorInfo

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """See `edged.interfaces.ModelFamily`."""
        if len(signature.outputs) != 1:
            return f"it has {len(signature.outputs)} outputs instead of one [1, N, 6]"
        spec = image_input(signature, fitting=Fitting.LETTERBOX, mean=0.0, std=255.0)
        if isinstance(spec, str):
            return spec
        output = signature.outputs[0]
        cells = [count for count, _ in grids(spec.width, spec.height)]
        match output.shape:
            case (1, n, 6) if n in cells or n in [3 * count for count in cells]:
                return "its output [1, N, 6] has a row for each cell: a YOLO with one class and objectness"
            case (1, n, 6) if n <= _MOST_ROWS:
                return cls(input=spec, class_offset=0, output=output)
        return f"its output {list(output.shape)} is not [1, N, 6] with N up to {_MOST_ROWS}"

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """See `edged.interfaces.ModelFamily`."""
        rows = outputs[0][0]
        found = real(rows[at_least(rows[:, 4], self.output, min_score)], self.output)
        boxes = found[:, :4]
        if in_pixels(rows[:, :4], self.output):
            boxes /= np.array([self.input.width, self.input.height] * 2, np.float32)
        return collect(boxes, found[:, 4], found[:, 5], fit, overlap=None)
