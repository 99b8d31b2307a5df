"""The family of SSD and EfficientDet with the detection post-process: four outputs, suppression done in the graph."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.candidates import build_few_detections
from edged.families.inputs import image_input
from edged.families.label_count import find_class_offset
from edged.families.output_checks import check_outputs
from edged.families.outputs import dequantise
from edged.types import Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo

_POSTPROCESS_OP = "TFLite_Detection_PostProcess"
_OUTPUT_NAME_PARTS = (
    ("box", "location"),
    ("class", "categor"),
    ("score", "prob"),
    ("num", "count"),
)
"""Parts of output names, in the op's order: boxes, classes, scores, count."""


@dataclass(frozen=True, kw_only=True)
class SsdFamily:
    """Decodes boxes [y1, x1, y2, x2], classes, scores and a count, in any order that the file declares.

    TF1 exports declare boxes, classes, scores, count; TF2 exports scores, boxes, count, classes. The custom operator's own
    outputs are always in TF1's order, so their tensor indices give the order where the operator is in the graph.

    A float input is scaled to -1..1, as in the Object Detection API's SSD preprocessing.
    """

    name: ClassVar[str] = "ssd"
    input: InputSpec
    class_offset: int
    outputs: tuple[TensorInfo, ...]
    output_order: tuple[int, int, int, int]
    """Positions of boxes, classes, scores and count among the outputs."""
    rows_per_anchor: int = 1
    """Number of rows for each anchor that is counted: the operator's fast mode writes several classes of an anchor."""
    valid_rows_per_anchor: int = 1
    """Number of those rows that hold a detection."""

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model by its post-process op, or by the names or shapes of its outputs."""
        order = _find_output_order(signature)
        if isinstance(order, str):
            return order
        spec = image_input(signature, fitting=Fitting.STRETCH, mean=127.5, std=127.5)
        if isinstance(spec, str):
            return spec
        options = signature.postprocess
        # The operator numbers the classes without the background, with which some label lists begin.
        offset = find_class_offset(signature, (options and options.num_classes) or None)
        if isinstance(offset, str):
            return offset
        return cls(
            input=spec,
            class_offset=offset,
            outputs=signature.outputs,
            output_order=order,
            rows_per_anchor=options.rows_per_anchor if options else 1,
            valid_rows_per_anchor=options.valid_rows_per_anchor if options else 1,
        )

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Turn the outputs of the post-process into detections; rows beyond the count are uninitialised memory and are ignored.

        Args:
            outputs: boxes (1, N, 4), classes (1, N), scores (1, N) and count (1,), any dtype, in the file's order.
            fit: how the frame was fitted into the tensor.
            min_score: detections with a lower score are left out.

        Raises:
            ModelError: a box, score or class id is not a number, or the count or a class id is out of range.
        """
        check_outputs(outputs, self.outputs, is_resized=True)
        boxes, classes, scores, count = (outputs[i] for i in self.output_order)
        if boxes.size % 4:
            raise ModelError(f"the model's boxes {list(boxes.shape)} are not rows of four corners")
        table, row_count = boxes.reshape(-1, 4), min(boxes.size // 4, classes.size, scores.size)
        box_info, class_info, score_info, count_info = (self.outputs[i] for i in self.output_order)
        values = _read(scores.reshape(-1)[:row_count], score_info)
        rows = self._find_valid_rows(_read(count.reshape(-1)[:1], count_info), row_count)
        limit = float(np.float32(min_score))
        # What is not a number is among them.
        keep = [row for row in rows if not values[row] < limit]
        if any(values[row] != values[row] for row in keep):
            raise ModelError("the model's scores contain NaN")
        if not keep:
            return Detections.empty()
        # The rows of these outputs are few: numpy's choice of some of them costs more than reading them all.
        corners, class_ids = _read(table, box_info), _read(classes.reshape(-1), class_info)
        return build_few_detections(
            [(x1, y1, x2, y2) for y1, x1, y2, x2 in map(corners.__getitem__, keep)],
            [values[row] for row in keep],
            [class_ids[row] for row in keep],
            fit,
            iou_threshold=None,
        )

    def _find_valid_rows(self, count: list[float], row_count: int) -> Sequence[int]:
        """Return the indices of the rows that the operator wrote: its count is that of the anchors, empty if the output is."""
        if not (count and 0 <= count[0] * self.rows_per_anchor <= row_count):
            raise ModelError(
                f"the model reports {count} detections, but its outputs have {row_count} rows"
            )
        anchors = range(int(count[0]))
        if self.rows_per_anchor == 1:
            return anchors
        return [
            anchor * self.rows_per_anchor + row
            for anchor in anchors
            for row in range(self.valid_rows_per_anchor)
        ]


def _read(values: NDArray[np.generic], tensor: TensorInfo) -> list[Any]:
    """Return values, (N,) or (N, 4) of any dtype, not quantised, as numbers: these outputs are too short for numpy's arithmetic to pay."""
    real: list[Any] = (dequantise(values, tensor) if tensor.scale else values).tolist()
    return real


def _find_output_order(signature: ModelSignature) -> tuple[int, int, int, int] | str:
    if len(signature.outputs) != len(_OUTPUT_NAME_PARTS):
        return (
            f"it has {len(signature.outputs)} outputs instead of boxes, classes, scores and count"
        )
    positions = {tensor.index: i for i, tensor in enumerate(signature.outputs)}
    for op in signature.ops:
        if op.name == _POSTPROCESS_OP:
            if len(op.outputs) != len(_OUTPUT_NAME_PARTS) or not set(op.outputs) <= set(positions):
                return f"the outputs of its {_POSTPROCESS_OP} are not the model's"
            boxes, classes, scores, count = (positions[index] for index in op.outputs)
            return boxes, classes, scores, count
    return _output_order_by_names(signature.outputs) or _output_order_by_shapes(signature.outputs)


def _output_order_by_names(outputs: Sequence[TensorInfo]) -> tuple[int, int, int, int] | None:
    order = [
        [
            i
            for i, tensor in enumerate(outputs)
            if any(part in tensor.name.lower() for part in parts)
        ]
        for parts in _OUTPUT_NAME_PARTS
    ]
    match order:
        case [[boxes], [classes], [scores], [count]]:
            return boxes, classes, scores, count
    return None


def _output_order_by_shapes(outputs: Sequence[TensorInfo]) -> tuple[int, int, int, int] | str:
    """Find the order by the position of the boxes: first in TF1's order, second in TF2's. Classes and scores have the same shape."""
    match [tensor.shape for tensor in outputs]:
        case [(1, a, 4), (1, b), (1, c), (1,)] if a == b == c:
            return 0, 1, 2, 3
        case [(1, a), (1, b, 4), (1,), (1, c)] if a == b == c:
            return 1, 3, 0, 2
    return "its four outputs are not boxes [1, N, 4], classes [1, N], scores [1, N] and count [1] in a known order"
