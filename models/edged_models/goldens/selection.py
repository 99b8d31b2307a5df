"""Which of the candidates become goldens: empty scenes, easy ones and three kinds of hard ones. The same candidates give the same goldens."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edged.model.goldens import Tolerances
from edged_models.errors import PicturesError
from edged_models.goldens.candidates import GoldenCandidate

_MIN_EMPTY = 2
_EMPTY_ONE_IN = 4
_IOU_MARGIN = 0.05
_SCORE_MARGIN = 0.02
"""What other processors may add to the differences that were measured here."""

_KIND_SORT_KEYS: dict[str, Callable[[GoldenCandidate], float]] = {
    "easy": lambda one: -one.min_score,
    "many": lambda one: -len(one.expected),
    "small": lambda one: one.min_area,
    "doubtful": lambda one: one.min_score,
}
"""By what each kind is chosen, the least first."""


@dataclass(frozen=True, slots=True)
class SelectedCandidate:
    """A candidate, and why it was chosen."""

    candidate: GoldenCandidate
    kind: str


def select_goldens(candidates: Sequence[GoldenCandidate], count: int) -> list[SelectedCandidate]:
    """Take a quarter of empty scenes, at least two, and of the others every kind in turn.

    Of the empty ones first that in which the model nearly saw something, then that in which it saw least. Of the others
    those with classes that no golden has yet go before.

    Raises:
        PicturesError: there are too few to choose from.
    """
    empty = sorted(
        (c for c in candidates if not c.expected), key=lambda c: (-c.near_miss_score, c.index)
    )
    full = [c for c in candidates if c.expected]
    wanted_empty = max(_MIN_EMPTY, count // _EMPTY_ONE_IN)
    wanted_full = count - wanted_empty
    if len(empty) < wanted_empty or len(full) < wanted_full:
        raise PicturesError(
            f"{count} goldens need {wanted_empty} pictures in which nothing is and nothing is found, and {wanted_full} in which "
            f"something is found; there are {len(empty)} and {len(full)}: give more pictures, or ask for fewer goldens"
        )
    choices = [SelectedCandidate(empty.pop(-(i % 2)), "empty") for i in range(wanted_empty)]
    seen: set[str] = set()
    for i in range(wanted_full):
        kind, key = list(_KIND_SORT_KEYS.items())[i % len(_KIND_SORT_KEYS)]
        best = min(full, key=lambda c: (c.labels <= seen, key(c), c.index))
        full.remove(best)
        seen |= best.labels
        choices.append(SelectedCandidate(best, kind))
    return choices


def derive_tolerances(candidates: Sequence[GoldenCandidate]) -> Tolerances:
    """What covers the differences between the runtimes on all candidates, chosen or not, and a margin; in hundredths."""
    least_iou = min(c.min_iou for c in candidates) - _IOU_MARGIN
    score = max(c.max_score_gap for c in candidates) + _SCORE_MARGIN
    return Tolerances(
        min_iou=math.floor(least_iou * 100) / 100, max_score_difference=math.ceil(score * 100) / 100
    )
