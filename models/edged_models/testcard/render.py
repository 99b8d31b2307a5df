"""Rendering of the card as PDF and PNG."""

import io
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure

from edged.marks import MARK_LABELS
from edged.marks.draw import draw_mark
from edged_models.testcard.enlarge import enlarge_mark
from edged_models.testcard.layout import MarkPlacement, Page, lay_out_marks

_MM_PER_INCH = 25.4
_PRINT_DPI, _SCREEN_DPI = 300, 150
_TITLE = "edged test card"
_HINT = "Hold it up so that a mark is a tenth of the picture or more, flat and evenly lit."
_CAPTION = "an event with the label {label}"
_INK, _PALE = "#222222", "#666666"


@dataclass(frozen=True, slots=True)
class RenderedTestCard:
    """One card in both formats.

    Attributes:
        pdf: the file for printing at actual size.
        png: the file for a screen.
    """

    pdf: bytes
    png: bytes


def render_card(page: Page, *, seed: int) -> RenderedTestCard:
    """Draw one of each mark; the same seed gives the same bytes."""
    with mpl.rc_context({"pdf.fonttype": 42, "font.family": "DejaVu Sans"}):
        figure = Figure((page.width_mm / _MM_PER_INCH, page.height_mm / _MM_PER_INCH))
        _draw_heading(figure, page)
        for index, placement in enumerate(lay_out_marks(MARK_LABELS, page)):
            _draw_mark(figure, page, placement, np.random.default_rng([seed, index]))
        # Neither the time nor the version of the program is stored, so that equal cards are equal files.
        anonymous = {"CreationDate": None, "Producer": None, "Creator": None}
        pdf, png = io.BytesIO(), io.BytesIO()
        FigureCanvasPdf(figure).print_figure(pdf, dpi=_PRINT_DPI, metadata=anonymous)
        FigureCanvasAgg(figure).print_figure(
            png, dpi=_SCREEN_DPI, format="png", metadata={"Software": None}
        )
    return RenderedTestCard(pdf.getvalue(), png.getvalue())


def _draw_heading(figure: Figure, page: Page) -> None:
    for text, y_mm, size in ((_TITLE, 17.0, 15), (_HINT, 25.0, 8)):
        y = 1 - y_mm / page.height_mm
        figure.text(0.5, y, text, fontsize=size, color=_INK, ha="center", va="center")


def _draw_mark(figure: Figure, page: Page, at: MarkPlacement, rng: np.random.Generator) -> None:
    side_px = round(at.side_mm / _MM_PER_INCH * _PRINT_DPI)
    axes = figure.add_axes(
        (
            at.left_mm / page.width_mm,
            1 - (at.top_mm + at.side_mm) / page.height_mm,
            at.side_mm / page.width_mm,
            at.side_mm / page.height_mm,
        )
    )
    axes.set_axis_off()
    axes.imshow(enlarge_mark(draw_mark(at.label, rng), side_px), interpolation="antialiased")
    x = (at.left_mm + at.side_mm / 2) / page.width_mm
    y = 1 - at.caption_mm / page.height_mm
    text = _CAPTION.format(label=at.label)
    figure.text(x, y, text, fontsize=6.5, color=_PALE, ha="center", va="center")
