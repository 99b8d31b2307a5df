"""Pictures that may become goldens of a classifier: the class on the reference kernels, and how far the runtimes differ from it."""

from collections.abc import Sequence

import numpy as np

from edged.model.goldens import ExpectedDetection, find_mismatches
from edged.types import F32, Detections
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.evaluation.label_mapping import LabelMapping
from edged_models.goldens.candidates import (
    STABLE_TOLERANCES,
    GoldenCandidate,
    build_expected,
    shrink_picture,
)
from edged_models.pictures.labelled import LabelledPicture

_MIN_LEAD = 2 * STABLE_TOLERANCES.max_score_difference
"""The second class of a golden is worse by so much: two classes that are closer could change places on another processor."""


class ClassCandidateEvaluator:
    """Runs a classifier on pictures with the reference kernels and with the runtimes that are compared with them."""

    def __init__(
        self,
        reference: EvaluatedModel,
        others: Sequence[EvaluatedModel],
        *,
        min_score: float,
        mapping: LabelMapping | None,
    ) -> None:
        """Store the models; nothing is run yet.

        Args:
            reference: the model on the reference kernels, whose class is expected.
            others: the same model on each runtime.
            min_score: lowest score of an expected class.
            mapping: of the model's labels to those of the pictures; None if these have none.
        """
        self._reference = reference
        self._others = others
        self._min_score = min_score
        self._mapping = mapping

    def __call__(self, index: int, picture: LabelledPicture) -> GoldenCandidate | None:
        """Return the picture as a candidate, or None if it is unusable.

        It is unusable if the model does not give the class of its label, if a second class is nearly as good as the best, or if the
        runtimes differ by more than `STABLE_TOLERANCES`.

        Raises:
            ToolError: a model fails on the picture.
        """
        small = shrink_picture(picture)
        expected = build_expected(self._classify(self._reference, small), self._reference)
        ranked = np.sort(self._reference.classify(small))[::-1]
        if self._contradicts(picture, expected) or (expected and _lead(ranked) < _MIN_LEAD):
            return None
        others = [self._classify(other, small, lowered=True) for other in self._others]
        if any(
            find_mismatches(expected, other, STABLE_TOLERANCES, min_score=self._min_score)
            for other in others
        ):
            return None
        limit = expected[0].score if expected else self._min_score
        gaps = [_measure_gap(other, limit, is_expected=bool(expected)) for other in others]
        return GoldenCandidate(
            index=index,
            expected=expected,
            near_miss_score=0.0 if expected else float(min(ranked[0], self._min_score)),
            min_iou=1.0,
            max_score_gap=max(gaps, default=0.0),
        )

    def _classify(
        self, model: EvaluatedModel, picture: LabelledPicture, *, lowered: bool = False
    ) -> Detections:
        min_score = STABLE_TOLERANCES.lower_min_score(self._min_score)
        detections, _ = model.detect(picture, min_score=min_score if lowered else self._min_score)
        return detections

    def _contradicts(
        self, picture: LabelledPicture, expected: tuple[ExpectedDetection, ...]
    ) -> bool:
        """Return whether the model gives another class than the label, or none where the label is one of its classes."""
        if self._mapping is None:
            return False
        true_id = int(self._mapping.picture_indices[picture.classes[0]])
        if expected:
            return int(self._mapping.model_indices[expected[0].class_id]) != true_id
        return true_id >= 0 and not self._is_background(true_id)

    def _is_background(self, true_id: int) -> bool:
        family = self._reference.loaded_model.family
        background = getattr(family, "background_id", None)
        return (
            background is not None
            and self._mapping is not None
            and int(self._mapping.model_indices[background]) == true_id
        )


def _lead(ranked: F32) -> float:
    return float(ranked[0] - ranked[1])


def _measure_gap(found: Detections, limit: float, *, is_expected: bool) -> float:
    """Return how far a runtime's score is from the expected one, or above the threshold where no class is expected."""
    scores = found.scores.astype(np.float64)
    gaps = np.abs(scores - limit) if is_expected else scores - limit
    return float(gaps.max(initial=0.0))
