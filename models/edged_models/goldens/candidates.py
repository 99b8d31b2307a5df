"""Pictures that might become goldens: what the reference finds in them, and how far the runtimes are from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import msgspec
import numpy as np

from edged.model.goldens import Expected, Tolerances, match, mismatches
from edged.scene.geometry import areas, iou
from edged.types import Detections
from edged_models.evaluation.contender import Contender
from edged_models.pictures.labelled import Labelled

STEADY = Tolerances(least_iou=0.75, score=0.06)
"""A picture on which the runtimes differ by more tells nothing about a device."""
_LONGEST_SIDE_PX = 640
"""Goldens travel with every update of a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One picture.

    Attributes:
        index: in the set of pictures.
        expected: what the reference finds, best first.
        nearly: the score of the best thing that it nearly found; 0 if there is none.
        least_iou: over all runtimes and detections, the least overlap with what is expected; 1 if nothing is.
        score_gap: likewise the greatest difference of the scores.
    """

    index: int
    expected: tuple[Expected, ...]
    nearly: float
    least_iou: float
    score_gap: float

    @property
    def labels(self) -> frozenset[str]:
        """The classes that are found."""
        return frozenset(one.label for one in self.expected)

    @property
    def least_area(self) -> float:
        """Of the smallest thing found, in fractions of the picture."""
        return float(areas(np.array([one.box for one in self.expected], np.float32)).min())

    @property
    def least_score(self) -> float:
        """Of the least sure thing found."""
        return min(one.score for one in self.expected)


class Scout:
    """Looks at pictures with the reference and with the runtimes that are held to it."""

    def __init__(
        self, reference: Contender, others: Sequence[Contender], *, min_score: float, labelled: bool
    ) -> None:
        """Look at nothing yet.

        Args:
            reference: what it finds is what is expected.
            others: the same model, as it will run.
            min_score: of a detection.
            labelled: it is known what is in the pictures.
        """
        self._reference = reference
        self._others = others
        self._labelled = labelled
        self._min_score = min_score

    def __call__(self, index: int, picture: Labelled) -> Candidate | None:
        """The picture as a candidate.

        Returns:
            None if it is not fit: the runtimes differ by more than `STEADY`, the model finds nothing though something is in it,
            or something though nothing is.
        """
        small = shrunk(picture)
        seen = self._find(self._reference, small)
        expected = _expected(seen[seen.scores >= self._min_score], self._reference)
        if self._labelled and bool(expected) is not bool(len(picture.boxes)):
            return None
        found = [self._find(other, small) for other in self._others]
        if any(mismatches(expected, one, STEADY, min_score=self._min_score) for one in found):
            return None
        below = seen.scores[seen.scores < self._min_score]
        gaps = [self._gap(expected, one) for one in found]
        return Candidate(
            index=index,
            expected=expected,
            nearly=float(below.max(initial=0.0)),
            least_iou=min((least_iou for least_iou, _ in gaps), default=1.0),
            score_gap=max((score for _, score in gaps), default=0.0),
        )

    def _find(self, contender: Contender, picture: Labelled) -> Detections:
        found, _ = contender.find(picture, min_score=STEADY.floor(self._min_score))
        return found

    def _gap(self, expected: tuple[Expected, ...], found: Detections) -> tuple[float, float]:
        """The least overlap and the greatest difference in score; what is surplus differs from the least score."""
        pairs = match(expected, found, STEADY)
        overlaps = [iou(expected[i].box, found.boxes[j].tolist()) for i, j in pairs.items()]
        scores = [abs(expected[i].score - float(found.scores[j])) for i, j in pairs.items()]
        surplus = np.delete(found.scores, list(pairs.values())) - self._min_score
        return min(overlaps, default=1.0), max([*scores, float(surplus.max(initial=0.0))])


def shrunk(picture: Labelled) -> Labelled:
    """The picture as it is stored: no side is longer than 640 px."""
    height, width = picture.image.shape[:2]
    scale = _LONGEST_SIDE_PX / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = cv2.resize(picture.image, size, interpolation=cv2.INTER_AREA)
    return replace(picture, image=np.asarray(image, np.uint8))


def _expected(found: Detections, contender: Contender) -> tuple[Expected, ...]:
    rows = zip(found.class_ids, found.scores, found.boxes, strict=True)
    return tuple(
        Expected(
            label=contender.model.label_of(int(class_id)),
            class_id=int(class_id),
            score=round(float(score), 4),
            box=msgspec.convert(
                np.round(box.astype(float), 4).tolist(), tuple[float, float, float, float]
            ),
        )
        for class_id, score, box in rows
    )
