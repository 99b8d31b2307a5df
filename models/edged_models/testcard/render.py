"""The card itself, as a PDF and a PNG."""

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
    """Both forms of one card.

    Attributes:
        pdf: to print, at its own size.
        png: for a screen.
    """

    pdf: bytes
    png: bytes


def render_card(page: Page, *, seed: int) -> RenderedTestCard:
    """Draw one of each mark; the same seed gives the same bytes."""
    with mpl.rc_context({"pdf.fonttype": 42, "font.family": "DejaVu Sans"}):
        figure = Figure((page.width_mm / _MM_PER_INCH, page.height_mm / _MM_PER_INCH))
        _draw_heading(figure, page)
        for index, place in enumerate(lay_out_marks(MARK_LABELS, page)):
            _draw_mark(figure, page, place, np.random.default_rng([seed, index]))
        # Neither the time nor the program's version: the same card is the same file.
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


def _draw_mark(figure: Figure, page: Page, place: MarkPlacement, rng: np.random.Generator) -> None:
    side_px = round(place.side_mm / _MM_PER_INCH * _PRINT_DPI)
    axes = figure.add_axes(
        (
            place.left_mm / page.width_mm,
            1 - (place.top_mm + place.side_mm) / page.height_mm,
            place.side_mm / page.width_mm,
            place.side_mm / page.height_mm,
        )
    )
    axes.set_axis_off()
    axes.imshow(enlarge_mark(draw_mark(place.label, rng), side_px), interpolation="antialiased")
    x = (place.left_mm + place.side_mm / 2) / page.width_mm
    y = 1 - place.caption_mm / page.height_mm
    text = _CAPTION.format(label=place.label)
    figure.text(x, y, text, fontsize=6.5, color=_PALE, ha="center", va="center")
