"""Selection of goldens among the candidates: empty scenes, easy ones and three kinds of hard ones; deterministic."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle

from edged.model.goldens import Tolerances
from edged_models.errors import PicturesError
from edged_models.goldens.candidates import GoldenCandidate

_CLASS_KINDS = ("easy", "doubtful")
"""A classifier's box is the whole picture, and there is one."""
_MIN_CLASSES = 2
_MIN_EMPTY = 2
_EMPTY_ONE_IN = 4
_IOU_MARGIN = 0.05
_SCORE_MARGIN = 0.02
"""How much the differences on other processors may exceed those measured here."""

_KIND_SORT_KEYS: dict[str, Callable[[GoldenCandidate], float]] = {
    "easy": lambda candidate: -candidate.min_score,
    "many": lambda candidate: -len(candidate.expected),
    "small": lambda candidate: candidate.min_area,
    "doubtful": lambda candidate: candidate.min_score,
}
"""The sort key by which each kind is selected, lowest first."""


@dataclass(frozen=True, slots=True)
class SelectedCandidate:
    """A candidate, and the kind of golden for which it was selected."""

    candidate: GoldenCandidate
    kind: str


def select_goldens(candidates: Sequence[GoldenCandidate], count: int) -> list[SelectedCandidate]:
    """Select a quarter of empty scenes, at least two, and for the rest each of the other kinds in turn.

    Of the empty scenes, that with the highest near miss and that with the lowest are taken by turns. Of the others, those with
    labels that no golden has yet come first.

    Raises:
        PicturesError: there are too few candidates.
    """
    empty = [c for c in candidates if not c.expected]
    full = [c for c in candidates if c.expected]
    empty_count = max(_MIN_EMPTY, count // _EMPTY_ONE_IN)
    full_count = count - empty_count
    if len(empty) < empty_count or len(full) < full_count:
        raise PicturesError(
            f"{count} goldens need {empty_count} pictures without objects and without detections, and {full_count} with "
            f"detections; there are {len(empty)} and {len(full)}: give more pictures, or fewer goldens with --count"
        )
    return [*_select_empty(empty, empty_count), *_select_full(full, full_count)]


def _select_empty(candidates: list[GoldenCandidate], count: int) -> list[SelectedCandidate]:
    remaining = sorted(candidates, key=lambda c: (-c.near_miss_score, c.index))
    return [SelectedCandidate(remaining.pop(-(i % 2)), "empty") for i in range(count)]


def _select_full(candidates: list[GoldenCandidate], count: int) -> list[SelectedCandidate]:
    remaining, selected = list(candidates), []
    covered: set[str] = set()
    for _, (kind, key) in zip(range(count), cycle(_KIND_SORT_KEYS.items()), strict=False):
        best = min(remaining, key=lambda c: (c.labels <= covered, key(c), c.index))
        remaining.remove(best)
        covered |= best.labels
        selected.append(SelectedCandidate(best, kind))
    return selected


def select_class_goldens(
    candidates: Sequence[GoldenCandidate], count: int
) -> list[SelectedCandidate]:
    """Select for a classifier sure pictures and doubtful ones by turns, of all classes alike, and a quarter without a class at most.

    Raises:
        PicturesError: there are too few candidates, or the model gives the same class for all.
    """
    empty = [c for c in candidates if not c.expected]
    full = [c for c in candidates if c.expected]
    labels = {label for c in full for label in c.labels}
    empty_count = min(len(empty), count // _EMPTY_ONE_IN)
    if len(full) + empty_count < count or len(labels) < _MIN_CLASSES:
        raise PicturesError(
            f"{count} goldens of a classifier need as many pictures that it classifies surely and rightly, of {_MIN_CLASSES} classes or "
            f"more; there are {len(full) + empty_count}, of {len(labels)}: give more pictures, or fewer goldens with --count"
        )
    return [*_select_empty(empty, empty_count), *_select_classes(full, count - empty_count)]


def _select_classes(candidates: list[GoldenCandidate], count: int) -> list[SelectedCandidate]:
    remaining, selected = list(candidates), []
    times: Counter[str] = Counter()
    for _, kind in zip(range(count), cycle(_CLASS_KINDS), strict=False):
        key = _KIND_SORT_KEYS[kind]
        best = min(remaining, key=lambda c: (times[c.expected[0].label], key(c), c.index))
        remaining.remove(best)
        times[best.expected[0].label] += 1
        selected.append(SelectedCandidate(best, kind))
    return selected


def derive_tolerances(candidates: Sequence[GoldenCandidate]) -> Tolerances:
    """Derive tolerances that cover the differences between the runtimes on all candidates, plus a margin; in hundredths."""
    iou = min(c.min_iou for c in candidates) - _IOU_MARGIN
    score = max(c.max_score_gap for c in candidates) + _SCORE_MARGIN
    return Tolerances(
        min_iou=math.floor(iou * 100) / 100, max_score_difference=math.ceil(score * 100) / 100
    )
