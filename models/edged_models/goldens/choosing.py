"""Which of the candidates become goldens: empty scenes, easy ones and three kinds of hard ones. The same candidates give the same goldens."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edged.model.goldens import Tolerances
from edged_models.errors import PicturesError
from edged_models.goldens.candidates import Candidate

_LEAST_EMPTY = 2
_EMPTY_SHARE = 4
_IOU_MARGIN = 0.05
_SCORE_MARGIN = 0.02
"""What other processors may add to the differences that were measured here."""

_KINDS: dict[str, Callable[[Candidate], float]] = {
    "easy": lambda one: -one.least_score,
    "many": lambda one: -len(one.expected),
    "small": lambda one: one.least_area,
    "doubtful": lambda one: one.least_score,
}
"""By what each kind is chosen, the least first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate, and why it was chosen."""

    candidate: Candidate
    kind: str


def choose(candidates: Sequence[Candidate], count: int) -> list[Choice]:
    """Take a quarter of empty scenes, at least two, and of the others every kind in turn.

    Of the empty ones first that in which the model nearly saw something, then that in which it saw least. Of the others
    those with classes that no golden has yet go before.

    Raises:
        PicturesError: there are too few to choose from.
    """
    empty = sorted((c for c in candidates if not c.expected), key=lambda c: (-c.nearly, c.index))
    full = [c for c in candidates if c.expected]
    wanted_empty = max(_LEAST_EMPTY, count // _EMPTY_SHARE)
    wanted_full = count - wanted_empty
    if len(empty) < wanted_empty or len(full) < wanted_full:
        raise PicturesError(
            f"{count} goldens need {wanted_empty} pictures in which nothing is and nothing is found, and {wanted_full} in which "
            f"something is found; there are {len(empty)} and {len(full)}: give more pictures, or ask for fewer goldens"
        )
    choices = [Choice(empty.pop(-(i % 2)), "empty") for i in range(wanted_empty)]
    seen: set[str] = set()
    for i in range(wanted_full):
        kind, key = list(_KINDS.items())[i % len(_KINDS)]
        best = min(full, key=lambda c: (c.labels <= seen, key(c), c.index))
        full.remove(best)
        seen |= best.labels
        choices.append(Choice(best, kind))
    return choices


def tolerances(candidates: Sequence[Candidate]) -> Tolerances:
    """What covers the differences between the runtimes on all candidates, chosen or not, and a margin; in hundredths."""
    least_iou = min(c.least_iou for c in candidates) - _IOU_MARGIN
    score = max(c.score_gap for c in candidates) + _SCORE_MARGIN
    return Tolerances(
        least_iou=math.floor(least_iou * 100) / 100, score=math.ceil(score * 100) / 100
    )
