"""The family of RF-DETR, RT-DETR, D-FINE and DEIM: a few hundred queries, each with a box and its classes; no suppression."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.candidates import build_detections
from edged.families.class_scores import are_logits, find_best_rows
from edged.families.detr_outputs import (
    ClassIdOutputs,
    DetrOutputs,
    LogitOutputs,
    Output,
    find_class_ids,
    find_outputs,
)
from edged.families.inputs import image_input
from edged.families.label_count import find_class_offset
from edged.families.output_checks import check_outputs
from edged.families.outputs import (
    dequantise,
    find_best_scores,
    is_in_pixels,
    to_corners,
)
from edged.types import F32, I32, Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo

_IMAGENET_MEAN = (123.675, 116.28, 103.53)
_IMAGENET_STD = (58.395, 57.12, 57.375)
_MAX_NEGATIVE_SHARE = 0.2
"""Of widths and heights: those of a DETR come from a sigmoid, or from distances that are hardly ever negative."""


Candidates = tuple[NDArray[np.intp], F32, NDArray[np.generic]]
"""For each of M candidates: row (M,) intp, score (M,) float32, class id (M,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DetrFamily:
    """Decodes boxes [1, N, 4] with class logits [1, N, C], or with class ids [1, N] and scores [1, N].

    With logits a box is centre x, centre y, width, height; with class ids it is x1, y1, x2, y2. The best class of a query is
    reported after a sigmoid; the models' own tools report every class of a query that reaches the threshold. A float input is
    stretched and scaled to 0..1; for RF-DETR it is then normalised by ImageNet's mean and standard deviation.
    """

    name: ClassVar[str] = "detr"
    input: InputSpec
    class_offset: int
    tensors: tuple[TensorInfo, ...]
    """The outputs in the file's order."""
    outputs: DetrOutputs
    class_ids: I32
    """(C,) int32: the class id of each column of the logits; -1 for columns that are no class. Empty if there are no logits."""

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model by two or three outputs of at most 1000 rows."""
        found = find_outputs(signature.outputs)
        is_rf_detr = isinstance(found, LogitOutputs) and found.is_rf_detr(signature.inputs)
        mean, std = (_IMAGENET_MEAN, _IMAGENET_STD) if is_rf_detr else ((0.0,), (255.0,))
        spec = image_input(signature, fitting=Fitting.STRETCH, mean=mean, std=std)
        if isinstance(spec, str):
            return spec + _explain_second_input(signature)
        if isinstance(found, str):
            return found
        labels = signature.metadata.labels
        class_ids = find_class_ids(found, labels)
        offset = find_class_offset(signature, None, counts_background=True)
        if isinstance(found, LogitOutputs):
            offset = int(len(labels) > len(class_ids))
        if isinstance(class_ids, str) or isinstance(offset, str):
            return str(offset) if isinstance(offset, str) else str(class_ids)
        return cls(
            input=spec,
            class_offset=offset,
            tensors=signature.outputs,
            outputs=found,
            class_ids=class_ids,
        )

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Turn the queries that reach the threshold into detections.

        Args:
            outputs: boxes (1, N, 4) and logits (1, N, C), or boxes, class ids (1, N) and scores (1, N), any dtype, in the file's order.
            fit: how the frame was fitted into the tensor.
            min_score: detections with a lower score are left out.

        Raises:
            ModelError: a box, score or class id is not a finite number, a class id is impossible, or the boxes have no sizes.
        """
        places, outputs = self.outputs, check_outputs(outputs, self.tensors)
        all_boxes = outputs[places.boxes.position][0]
        if isinstance(places, LogitOutputs):
            rows, scores, class_ids = self._read_logits(places.logits, outputs, min_score)
            _check_sizes(dequantise(all_boxes[:, 2:], places.boxes.tensor))
            boxes = to_corners(dequantise(all_boxes[rows], places.boxes.tensor))
        else:
            rows, scores, class_ids = _read_class_ids(places, outputs, min_score)
            boxes = dequantise(all_boxes[rows], places.boxes.tensor)
        if is_in_pixels(boxes, all_boxes, places.boxes.tensor):
            boxes /= np.array([self.input.width, self.input.height] * 2, np.float32)
        return build_detections(boxes, scores, class_ids, fit, iou_threshold=None)

    def _read_logits(
        self, logits: Output, outputs: Sequence[NDArray[np.generic]], min_score: float
    ) -> Candidates:
        table = outputs[logits.position][0]
        rows, scores, columns = find_best_rows(
            table,
            logits.tensor,
            min_score,
            logits=are_logits(table, logits.tensor),
            ignored=np.flatnonzero(self.class_ids < 0).tolist(),
        )
        return rows, scores, self.class_ids[columns]


def _check_sizes(sizes: F32) -> None:
    """Check what no shape tells: the codes of an SSD, which are logarithms, are as often negative as not.

    Args:
        sizes: (N, 2) float32, width and height of all queries.
    """
    if (sizes < 0).mean() > _MAX_NEGATIVE_SHARE:
        raise ModelError(
            "the widths and heights of the model's boxes are negative: they are box codes, as of an SSD on anchors that are not "
            "in the file, and no boxes of a DETR"
        )


def _read_class_ids(
    places: ClassIdOutputs, outputs: Sequence[NDArray[np.generic]], min_score: float
) -> Candidates:
    stored = outputs[places.scores.position].ravel()
    rows, scores = find_best_scores(stored, places.scores.tensor, min_score)
    ids = outputs[places.class_ids.position].ravel()[rows]
    return rows, scores, dequantise(ids, places.class_ids.tensor)


def _explain_second_input(signature: ModelSignature) -> str:
    if any(
        "orig_target_sizes" in tensor.name for tensor in signature.inputs[1:] or signature.inputs
    ):
        return ": export it without the post-processor, whose input is orig_target_sizes"
    return ""
