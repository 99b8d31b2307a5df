"""The layout of the card, in millimetres from the upper left corner."""

from collections.abc import Sequence
from dataclasses import dataclass

_MARGIN_MM = 12.0
_HEADING_MM = 22.0
_CAPTION_MM = 11.0
_QUIET_SHARE = 0.07
"""White margin on every side of a mark, as a share of its cell's shorter side: codes need it, and neighbouring boxes must not touch."""
_COLUMNS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A sheet of paper.

    Attributes:
        width_mm: width of the sheet, mm.
        height_mm: height of the sheet, mm.
    """

    width_mm: float
    height_mm: float


PAGES = {
    "a4": Page(width_mm=210.0, height_mm=297.0),
    "letter": Page(width_mm=215.9, height_mm=279.4),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPlacement:
    """The square in which one mark is drawn as large as it fits, and its caption.

    Attributes:
        label: class name of the mark.
        left_mm: left edge of the square, mm from the left.
        top_mm: upper edge of the square, mm from the top.
        side_mm: side of the square, mm.
        caption_mm: centre of the caption, mm from the top.
    """

    label: str
    left_mm: float
    top_mm: float
    side_mm: float
    caption_mm: float


def lay_out_marks(labels: Sequence[str], page: Page) -> tuple[MarkPlacement, ...]:
    """Lay the marks out in two columns of equal cells below the heading, row by row."""
    rows = -(-len(labels) // _COLUMNS)
    width_mm = (page.width_mm - 2 * _MARGIN_MM) / _COLUMNS
    height_mm = (page.height_mm - 2 * _MARGIN_MM - _HEADING_MM) / rows
    free_mm = min(width_mm, height_mm - _CAPTION_MM)
    side_mm = free_mm * (1 - 2 * _QUIET_SHARE)
    placements = []
    for index, label in enumerate(labels):
        row, column = divmod(index, _COLUMNS)
        top_mm = _MARGIN_MM + _HEADING_MM + row * height_mm
        placement = MarkPlacement(
            label=label,
            left_mm=_MARGIN_MM + column * width_mm + (width_mm - side_mm) / 2,
            top_mm=top_mm + (height_mm - _CAPTION_MM - side_mm) / 2,
            side_mm=side_mm,
            caption_mm=top_mm + height_mm - _CAPTION_MM / 2,
        )
        placements.append(placement)
    return tuple(placements)
