"""Pictures that may become goldens: the detections of the reference kernels, and how far the runtimes differ from them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import msgspec
import numpy as np

from edged.model.goldens import ExpectedDetection, Tolerances, find_mismatches, match_detections
from edged.scene.box_arrays import areas
from edged.scene.geometry import iou
from edged.types import Detections
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.pictures.labelled import LabelledPicture

STABLE_TOLERANCES = Tolerances(min_iou=0.75, max_score_difference=0.06)
"""A picture on which the runtimes differ by more cannot show a defect of a device."""
_MAX_SIDE_PX = 640
"""Goldens are part of every bundle, so they are kept small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenCandidate:
    """A picture that may become a golden.

    Attributes:
        index: index in the set of pictures.
        expected: detections on the reference kernels, best first.
        near_miss_score: highest score below the threshold; 0 without any.
        min_iou: smallest IoU with an expected box, over all runtimes and detections; 1 without detections.
        max_score_gap: greatest difference from an expected score, over all runtimes and detections.
    """

    index: int
    expected: tuple[ExpectedDetection, ...]
    near_miss_score: float
    min_iou: float
    max_score_gap: float

    @property
    def labels(self) -> frozenset[str]:
        """The labels of the expected detections."""
        return frozenset(detection.label for detection in self.expected)

    @property
    def min_area(self) -> float:
        """The area of the smallest expected box, as a fraction of the picture's."""
        boxes = [detection.box for detection in self.expected]
        return float(areas(np.array(boxes, np.float32)).min())

    @property
    def min_score(self) -> float:
        """The lowest score of the expected detections."""
        return min(detection.score for detection in self.expected)


class CandidateEvaluator:
    """Runs inference on pictures with the reference kernels and with the runtimes that are compared with them."""

    def __init__(
        self,
        reference: EvaluatedModel,
        others: Sequence[EvaluatedModel],
        *,
        min_score: float,
        is_labelled: bool,
    ) -> None:
        """Store the models; nothing is run yet.

        Args:
            reference: the model on the reference kernels, whose detections are expected.
            others: the same model on each runtime.
            min_score: lowest score of an expected detection.
            is_labelled: true if the pictures have labels.
        """
        self._reference = reference
        self._others = others
        self._is_labelled = is_labelled
        self._min_score = min_score

    def __call__(self, index: int, picture: LabelledPicture) -> GoldenCandidate | None:
        """Return the picture as a candidate, or None if it is unusable.

        It is unusable if the runtimes differ by more than `STABLE_TOLERANCES`, or if the model contradicts the labels: no detection in
        a picture with objects, or a detection in a picture without.

        Raises:
            ToolError: a model fails on the picture.
        """
        small = shrink_picture(picture)
        detections = self._detect(self._reference, small)
        is_expected = detections.scores >= self._min_score
        expected = build_expected(detections[is_expected], self._reference)
        if self._is_labelled and bool(expected) is not bool(len(picture.boxes)):
            return None
        others = [self._detect(other, small) for other in self._others]
        if any(
            find_mismatches(expected, other, STABLE_TOLERANCES, min_score=self._min_score)
            for other in others
        ):
            return None
        gaps = [self._measure_gap(expected, other) for other in others]
        return GoldenCandidate(
            index=index,
            expected=expected,
            near_miss_score=float(detections.scores[~is_expected].max(initial=0.0)),
            min_iou=min((overlap for overlap, _ in gaps), default=1.0),
            max_score_gap=max((gap for _, gap in gaps), default=0.0),
        )

    def _detect(self, model: EvaluatedModel, picture: LabelledPicture) -> Detections:
        min_score = STABLE_TOLERANCES.lower_min_score(self._min_score)
        detections, _ = model.detect(picture, min_score=min_score)
        return detections

    def _measure_gap(
        self, expected: tuple[ExpectedDetection, ...], found: Detections
    ) -> tuple[float, float]:
        """Return the smallest IoU and the greatest difference in score; an unexpected detection is compared with the threshold."""
        pairs = match_detections(expected, found, STABLE_TOLERANCES)
        overlaps = [iou(expected[i].box, found.boxes[j].tolist()) for i, j in pairs.items()]
        scores = [abs(expected[i].score - float(found.scores[j])) for i, j in pairs.items()]
        surplus = np.delete(found.scores, list(pairs.values())) - self._min_score
        return min(overlaps, default=1.0), max([*scores, float(surplus.max(initial=0.0))])


def shrink_picture(picture: LabelledPicture) -> LabelledPicture:
    """Return the picture as it is stored: shrunk so that no side is longer than 640 px."""
    height, width = picture.image.shape[:2]
    scale = _MAX_SIDE_PX / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = cv2.resize(picture.image, size, interpolation=cv2.INTER_AREA)
    return replace(picture, image=np.asarray(image, np.uint8))


def build_expected(found: Detections, model: EvaluatedModel) -> tuple[ExpectedDetection, ...]:
    """Return a model's detections as those that a device must find, rounded to four decimals."""
    rows = zip(found.class_ids, found.scores, found.boxes, strict=True)
    return tuple(
        ExpectedDetection(
            label=model.loaded_model.label_of(int(class_id)),
            class_id=int(class_id),
            score=round(float(score), 4),
            box=msgspec.convert(
                np.round(box.astype(float), 4).tolist(), tuple[float, float, float, float]
            ),
        )
        for class_id, score, box in rows
    )
