"""Pictures that might become goldens: what the reference finds in them, and how far the runtimes are from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import msgspec
import numpy as np

from edged.model.goldens import ExpectedDetection, Tolerances, find_mismatches, match_detections
from edged.scene.geometry import areas, iou
from edged.types import Detections
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.pictures.labelled import LabelledPicture

STABLE_TOLERANCES = Tolerances(min_iou=0.75, max_score_difference=0.06)
"""A picture on which the runtimes differ by more tells nothing about a device."""
_MAX_SIDE_PX = 640
"""Goldens travel with every update of a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenCandidate:
    """One picture.

    Attributes:
        index: in the set of pictures.
        expected: what the reference finds, best first.
        near_miss_score: the score of the best thing that it nearly found; 0 if there is none.
        min_iou: over all runtimes and detections, the least overlap with what is expected; 1 if nothing is.
        max_score_gap: likewise the greatest difference of the scores.
    """

    index: int
    expected: tuple[ExpectedDetection, ...]
    near_miss_score: float
    min_iou: float
    max_score_gap: float

    @property
    def labels(self) -> frozenset[str]:
        """The classes that are found."""
        return frozenset(one.label for one in self.expected)

    @property
    def min_area(self) -> float:
        """Of the smallest thing found, in fractions of the picture."""
        return float(areas(np.array([one.box for one in self.expected], np.float32)).min())

    @property
    def min_score(self) -> float:
        """Of the least sure thing found."""
        return min(one.score for one in self.expected)


class CandidateEvaluator:
    """Looks at pictures with the reference and with the runtimes that are held to it."""

    def __init__(
        self,
        reference: EvaluatedModel,
        others: Sequence[EvaluatedModel],
        *,
        min_score: float,
        is_labelled: bool,
    ) -> None:
        """Look at nothing yet.

        Args:
            reference: what it finds is what is expected.
            others: the same model, as it will run.
            min_score: of a detection.
            is_labelled: it is known what is in the pictures.
        """
        self._reference = reference
        self._others = others
        self._is_labelled = is_labelled
        self._min_score = min_score

    def __call__(self, index: int, picture: LabelledPicture) -> GoldenCandidate | None:
        """The picture as a candidate.

        Returns:
            None if it is not fit: the runtimes differ by more than `STEADY`, the model finds nothing though something is in it,
            or something though nothing is.
        """
        small = shrink_picture(picture)
        seen = self._detect(self._reference, small)
        expected = _build_expected(seen[seen.scores >= self._min_score], self._reference)
        if self._is_labelled and bool(expected) is not bool(len(picture.boxes)):
            return None
        found = [self._detect(other, small) for other in self._others]
        if any(
            find_mismatches(expected, one, STABLE_TOLERANCES, min_score=self._min_score)
            for one in found
        ):
            return None
        below = seen.scores[seen.scores < self._min_score]
        gaps = [self._measure_gap(expected, one) for one in found]
        return GoldenCandidate(
            index=index,
            expected=expected,
            near_miss_score=float(below.max(initial=0.0)),
            min_iou=min((least_iou for least_iou, _ in gaps), default=1.0),
            max_score_gap=max((score for _, score in gaps), default=0.0),
        )

    def _detect(self, model: EvaluatedModel, picture: LabelledPicture) -> Detections:
        found, _ = model.detect(
            picture, min_score=STABLE_TOLERANCES.lower_min_score(self._min_score)
        )
        return found

    def _measure_gap(
        self, expected: tuple[ExpectedDetection, ...], found: Detections
    ) -> tuple[float, float]:
        """The least overlap and the greatest difference in score; what is surplus differs from the least score."""
        pairs = match_detections(expected, found, STABLE_TOLERANCES)
        overlaps = [iou(expected[i].box, found.boxes[j].tolist()) for i, j in pairs.items()]
        scores = [abs(expected[i].score - float(found.scores[j])) for i, j in pairs.items()]
        surplus = np.delete(found.scores, list(pairs.values())) - self._min_score
        return min(overlaps, default=1.0), max([*scores, float(surplus.max(initial=0.0))])


def shrink_picture(picture: LabelledPicture) -> LabelledPicture:
    """The picture as it is stored: no side is longer than 640 px."""
    height, width = picture.image.shape[:2]
    scale = _MAX_SIDE_PX / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = cv2.resize(picture.image, size, interpolation=cv2.INTER_AREA)
    return replace(picture, image=np.asarray(image, np.uint8))


def _build_expected(found: Detections, model: EvaluatedModel) -> tuple[ExpectedDetection, ...]:
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
