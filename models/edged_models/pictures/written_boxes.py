"""Boxes as a file of labels has them, and which of them are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edged_models.pictures.problems import PictureProblem, ProblemKind, describe_problem

MAX_OVERHANG = 0.01
"""By how much a box may reach over the border, as a fraction of the picture: some exporters round up."""
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class WrittenBox:
    """A box that a file of labels has.

    Attributes:
        class_id: the set's own number of the class.
        corners: [x1, y1, x2, y2], normalised to the picture, not clipped.
        place: where it is written, for messages.
        is_group: whether it is an area with many objects, in which a detection is neither right nor wrong.
    """

    class_id: int
    corners: tuple[float, float, float, float]
    place: str
    is_group: bool = False


@dataclass(frozen=True, slots=True)
class WrittenLabels:
    """The labels of one picture.

    Attributes:
        picture: the picture file.
        boxes: its boxes.
        size_px: width and height for which they were made; None if unknown.
    """

    picture: Path
    boxes: Sequence[WrittenBox]
    size_px: tuple[int, int] | None = None


def select_boxes(boxes: Iterable[WrittenBox], problems: list[PictureProblem]) -> list[WrittenBox]:
    """Return the boxes that can be used.

    Args:
        boxes: the boxes of one picture.
        problems: takes one for each box that is empty, outside the picture, or there a second time, and for each that is clipped.
    """
    kept: dict[object, WrittenBox] = {}
    for box in boxes:
        kind, what = _find_problem(box)
        key = (box.class_id, box.is_group, *(round(side, _DIGITS) for side in box.corners))
        if kind is None and key in kept:
            kind = ProblemKind.DUPLICATE_BOX
            what = f"repeats the box of {kept[key].place}, and is counted once"
        if kind:
            problems.append(describe_problem(kind, f"{box.place}: {what}"))
        if kind in {None, ProblemKind.OVER_BORDER}:
            kept[key] = box
    return list(kept.values())


def _find_problem(box: WrittenBox) -> tuple[ProblemKind | None, str]:
    x1, y1, x2, y2 = box.corners
    if x2 <= x1 or y2 <= y1:
        return ProblemKind.EMPTY_BOX, "the box has no area, and is left out"
    if x2 <= 0 or y2 <= 0 or x1 >= 1 or y1 >= 1:
        return ProblemKind.OUTSIDE, "the box lies outside the picture, and is left out"
    if min(x1, y1) < -MAX_OVERHANG or max(x2, y2) > 1 + MAX_OVERHANG:
        return ProblemKind.OVER_BORDER, "the box reaches over the border, and is clipped"
    return None, ""
