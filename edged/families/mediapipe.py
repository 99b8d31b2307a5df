"""The family of detectors of MediaPipe's Model Maker: anchors and the coding of boxes stand in the file's metadata."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edged.families.candidates import build_detections
from edged.families.class_scores import find_best_rows
from edged.families.inputs import image_input
from edged.families.label_count import find_class_offset, is_background
from edged.families.output_checks import check_outputs
from edged.families.outputs import dequantise
from edged.families.ssd_raw import decode_boxes
from edged.types import (
    F32,
    BoxDecoding,
    Detections,
    Fit,
    Fitting,
    InputSpec,
    ModelSignature,
    TensorInfo,
)

_IOU_THRESHOLD = 0.3
"""Smallest intersection over union at which two boxes are one object: the default of MediaPipe's object detector."""
_BOX_VALUES = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class MediaPipeFamily:
    """Decodes box codes [1, N, 4] and class scores [1, N, C] as the file's DETECTOR_METADATA says.

    The arithmetic is that of MediaPipe's `TensorsToDetectionsCalculator` with its box format YXHW. A class "background" at
    the beginning of the labels, as Model Maker's data sets have, is not reported. A float input is scaled to -1..1, unless
    the metadata says otherwise, and stretched, as in MediaPipe's tasks.
    """

    name: ClassVar[str] = "mediapipe"
    input: InputSpec
    class_offset: int
    codes: TensorInfo
    scores: TensorInfo
    output_order: tuple[int, int]
    """Positions of codes and scores among the outputs."""
    decoding: BoxDecoding
    anchors: F32
    """(N, 4) float32: centre y, centre x, height, width, in tensor coordinates."""
    ignored: tuple[int, ...]
    """Columns of the scores that are not reported."""

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model by its metadata."""
        spec = image_input(signature, fitting=Fitting.STRETCH, mean=127.5, std=127.5)
        if isinstance(spec, str):
            return spec
        if len(signature.outputs) != 2:  # noqa: PLR2004 - boxes and scores
            return f"it has {len(signature.outputs)} outputs instead of boxes and scores"
        decoding = signature.metadata.box_decoding
        if decoding is None:
            return "its metadata has no DETECTOR_METADATA"
        order = _find_output_order(signature.outputs, decoding)
        if isinstance(order, str):
            return order
        labels = signature.metadata.labels
        offset = find_class_offset(signature, decoding.class_count, counts_background=True)
        if isinstance(offset, str):
            return offset
        has_background = bool(labels) and is_background(labels[0])
        return cls(
            input=spec,
            class_offset=offset,
            codes=signature.outputs[order[0]],
            scores=signature.outputs[order[1]],
            output_order=order,
            decoding=decoding,
            anchors=decoding.read_anchors(),
            ignored=(0,) if has_background and not offset else (),
        )

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Decode the boxes of the best anchors, and suppress overlapping ones.

        Args:
            outputs: codes (1, N, 4) and scores (1, N, C), any dtype, in the file's order.
            fit: how the frame was fitted into the tensor.
            min_score: detections with a lower score are left out.

        Raises:
            ModelError: a box or score is not a finite number.
        """
        tensors = [(self.codes, self.scores)[position] for position in self.output_order]
        arrays = check_outputs(outputs, tensors)
        codes, scores = (arrays[position][0] for position in self.output_order)
        rows, best, class_ids = find_best_rows(
            scores, self.scores, min_score, logits=self.decoding.has_logits, ignored=self.ignored
        )
        scaled = dequantise(codes[rows], self.codes) / np.array(self.decoding.scales, np.float32)
        anchors = self.anchors[rows]
        decode = decode_boxes if self.decoding.has_exponential_sizes else _decode_linear
        boxes = decode(np.asarray(scaled, np.float32), anchors)
        return build_detections(boxes, best, class_ids, fit, iou_threshold=_IOU_THRESHOLD)


def _find_output_order(
    outputs: Sequence[TensorInfo], decoding: BoxDecoding
) -> tuple[int, int] | str:
    if decoding.value_count != _BOX_VALUES:
        return (
            f"its boxes have {decoding.value_count} values instead of 4: it also finds key points"
        )
    anchors = decoding.read_anchors()
    if not (np.isfinite(anchors).all() and all(np.isfinite(decoding.scales))):
        return "its DETECTOR_METADATA contains NaN or infinity"
    if 0.0 in decoding.scales:
        return "its DETECTOR_METADATA has a scale of 0"
    count = len(anchors)
    shapes = [tensor.shape for tensor in outputs]
    codes, scores = (1, count, _BOX_VALUES), (1, count, decoding.class_count)
    is_reversed = decoding.output_names[::-1] == ("location", "score")
    if shapes == [scores, codes] and (codes != scores or is_reversed):
        return 1, 0
    if shapes == [codes, scores]:
        return 0, 1
    return (
        f"its outputs {[list(shape) for shape in shapes]} are not {list(codes)} and {list(scores)}, as its "
        "DETECTOR_METADATA says"
    )


def _decode_linear(codes: F32, anchors: F32) -> F32:
    """Convert codes whose sizes are no powers of e: shapes as in `decode_boxes`."""
    centre = codes[:, :2] * anchors[:, 2:] + anchors[:, :2]
    half = codes[:, 2:] * anchors[:, 2:] / 2
    return np.concatenate([(centre - half)[:, ::-1], (centre + half)[:, ::-1]], axis=1)
