"""Where things stand on a card. Millimetres from the upper left corner; no drawing."""

from collections.abc import Sequence
from dataclasses import dataclass

_MARGIN_MM = 12.0
_HEADING_MM = 22.0
_CAPTION_MM = 11.0
_QUIET_SHARE = 0.07
"""Of a cell's shorter side, kept white around the mark on every side: codes need it, and the boxes of neighbours must not touch."""
_COLUMNS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A sheet.

    Attributes:
        width_mm: of the sheet.
        height_mm: of the sheet.
    """

    width_mm: float
    height_mm: float


PAGES = {
    "a4": Page(width_mm=210.0, height_mm=297.0),
    "letter": Page(width_mm=215.9, height_mm=279.4),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPlacement:
    """Where one mark stands.

    Attributes:
        label: the mark's.
        left_mm: of the square in which it is drawn as large as it fits.
        top_mm: of the same.
        side_mm: of the same.
        caption_mm: of the caption's middle below it, down the sheet.
    """

    label: str
    left_mm: float
    top_mm: float
    side_mm: float
    caption_mm: float


def lay_out_marks(labels: Sequence[str], page: Page) -> tuple[MarkPlacement, ...]:
    """Two columns of equal cells below the heading, row by row."""
    rows = -(-len(labels) // _COLUMNS)
    width_mm = (page.width_mm - 2 * _MARGIN_MM) / _COLUMNS
    height_mm = (page.height_mm - 2 * _MARGIN_MM - _HEADING_MM) / rows
    free_mm = min(width_mm, height_mm - _CAPTION_MM)
    side_mm = free_mm * (1 - 2 * _QUIET_SHARE)
    found = []
    for index, label in enumerate(labels):
        row, column = divmod(index, _COLUMNS)
        top_mm = _MARGIN_MM + _HEADING_MM + row * height_mm
        found.append(
            MarkPlacement(
                label=label,
                left_mm=_MARGIN_MM + column * width_mm + (width_mm - side_mm) / 2,
                top_mm=top_mm + (height_mm - _CAPTION_MM - side_mm) / 2,
                side_mm=side_mm,
                caption_mm=top_mm + height_mm - _CAPTION_MM / 2,
            )
        )
    return tuple(found)
