"""The problems of a set of pictures: errors, for which a picture cannot be used, and warnings."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from msgspec import Struct


class ProblemSeverity(StrEnum):
    """The severity of a problem: whether a picture's labels can be relied on in spite of it."""

    ERROR = "error"
    """No: the set is refused, or with ``--skip-bad`` the picture is left out."""
    WARNING = "warning"
    """Yes, but the set may not be what its author meant."""


class ProblemKind(StrEnum):
    """Kinds of problems, by which they are counted."""

    UNREADABLE = "unreadable picture"
    MISSING = "missing picture"
    OTHER_SIZE = "picture of another size"
    SHARED_LABELS = "labels shared by pictures"
    WRONG_LABEL = "wrong label"
    KEY_POINTS = "key points"
    MISSING_PART = "missing part"
    UNLABELLED = "picture without labels"
    EMPTY_BOX = "empty box"
    OUTSIDE = "box outside the picture"
    OVER_BORDER = "box over the border"
    DUPLICATE_BOX = "duplicate box"
    DUPLICATE_ID = "duplicate id"
    ZERO_ID = "id 0"
    DUPLICATE_PICTURE = "duplicate picture"
    SIMILAR_NAMES = "similar class names"
    UNREAD_LABELS = "unread labels"
    UNLISTED = "unlisted picture"
    COORDINATES = "coordinates from 0"


_ERRORS = frozenset(
    {
        ProblemKind.UNREADABLE,
        ProblemKind.MISSING,
        ProblemKind.OTHER_SIZE,
        ProblemKind.SHARED_LABELS,
        ProblemKind.WRONG_LABEL,
        ProblemKind.MISSING_PART,
    }
)


class PictureProblem(Struct, frozen=True, kw_only=True):
    """One problem.

    Attributes:
        severity: whether the pictures can be used in spite of it.
        kind: what it is counted as.
        message: the place, the problem and the remedy, in one line.
        pictures: the pictures that are left out, if it is an error.
    """

    severity: ProblemSeverity
    kind: ProblemKind
    message: str
    pictures: tuple[Path, ...] = ()


def describe_problem(
    kind: ProblemKind, message: str, *pictures: Path, severity: ProblemSeverity | None = None
) -> PictureProblem:
    """Return a problem with the usual severity of its kind.

    Args:
        kind: what it is counted as.
        message: the place, the problem and the remedy.
        pictures: the pictures that it makes unusable.
        severity: another severity.
    """
    usual = ProblemSeverity.ERROR if kind in _ERRORS else ProblemSeverity.WARNING
    return PictureProblem(severity=severity or usual, kind=kind, message=message, pictures=pictures)


def select_errors(problems: Iterable[PictureProblem]) -> list[PictureProblem]:
    """Return the problems that are errors."""
    return [one for one in problems if one.severity is ProblemSeverity.ERROR]


def count_kinds(problems: Iterable[PictureProblem]) -> dict[str, int]:
    """Return the number of problems of each kind that occurs, in the order of `ProblemKind`."""
    counts = Counter(one.kind for one in problems)
    return {kind.value: counts[kind] for kind in ProblemKind if counts[kind]}
