"""The family of YOLOX heads that are exported without decoding: offsets in grid cells, one candidate per cell."""

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
    read_objectness_rows,
    to_corners,
)
from edged.model.layouts import yolo_grids
from edged.types import (
    F32,
    Channels,
    Detections,
    Fit,
    Fitting,
    InputSpec,
    ModelSignature,
    TensorInfo,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class YoloxFamily:
    """Decodes [1, N, 5 + C]: x, y, log width, log height in cells, then objectness and class scores after their sigmoids.

    ``centre = (offset + cell) * stride`` and ``size = exp(log size) * stride``, in input pixels, as in YOLOX's
    `demo_postprocess`. A float input takes BGR pixels of 0..255 unchanged, letterboxed to the top left on gray 114, as in its
    `preproc` since release 0.1.1.
    """

    name: ClassVar[str] = "yolox"
    input: InputSpec
    class_offset: int
    output: TensorInfo
    cells: F32
    """(N, 3) float32: column, row and stride in pixels of each candidate's cell."""

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model by its one output with one row per cell."""
        if len(signature.outputs) != 1:
            return f"it has {len(signature.outputs)} outputs instead of one [1, N, 5 + classes]"
        spec = image_input(
            signature,
            fitting=Fitting.LETTERBOX_TOP_LEFT,
            mean=0.0,
            std=1.0,
            channels=Channels.BGR,
        )
        if isinstance(spec, str):
            return spec
        output = signature.outputs[0]
        strides_of = dict(yolo_grids(spec.width, spec.height))
        match output.shape:
            case (1, n, depth) if n in strides_of and depth > 5:  # noqa: PLR2004 - box and objectness
                return class_count_mismatch(signature, depth - 5) or cls(
                    input=spec,
                    class_offset=class_offset(signature, depth - 5),
                    output=output,
                    cells=_make_cells(spec.width, spec.height, strides_of[n]),
                )
        return (
            f"its output {list(output.shape)} is not [1, N, 5 + classes] with N = {min(strides_of)} or similar, "
            f"one for each cell of its {spec.width}x{spec.height} input"
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
        indices, boxes, scores, class_ids = read_objectness_rows(rows, self.output, min_score)
        cells = self.cells[indices]
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # `build_detections` refuses what is not finite
            boxes = np.concatenate([boxes[:, :2] + cells[:, :2], np.exp(boxes[:, 2:])], axis=1)
            boxes *= cells[:, 2:]
        boxes /= np.array([self.input.width, self.input.height] * 2, np.float32)
        return build_detections(to_corners(boxes), scores, class_ids, fit)


def _make_cells(width: int, height: int, strides: Sequence[int]) -> F32:
    parts = []
    for stride in strides:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        parts.append(np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, stride)], axis=1))
    return np.concatenate(parts).astype(np.float32)
