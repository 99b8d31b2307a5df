"""``edged-models testcard``: draw a card with printed marks to hold up to the camera."""

import argparse
import time
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged.marks import MARK_LABELS
from edged.terminal.numbers import integer_in_range
from edged_models.console import add_json_option, print_result
from edged_models.files import write_bytes
from edged_models.testcard.layout import PAGES

_MAX_SEED = 2**32 - 1
_DEFAULT_SEED = 21
"""This seed draws common marks: black codes on white, well-known signs."""


class TestCardResult(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        pdf: path of the card for a printer.
        png: path of the card for a screen.
        marks: labels of the marks, in their order on the card.
        seconds: duration of the command.
    """

    pdf: Path
    png: Path
    marks: tuple[str, ...]
    seconds: float


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "testcard",
        help="draw a card with one mark of each kind, to print or to show on a phone",
        description="Writes testcard.pdf and testcard.png, with one mark of each class of the bundled model and the label of the event "
        "to expect. Another seed draws other codes and signs.",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="output folder (default: the working directory)",
    )
    _add_drawing_options(parser)
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def _add_drawing_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed",
        type=integer_in_range(min_value=0, max_value=_MAX_SEED),
        default=_DEFAULT_SEED,
        metavar="N",
        help="seed of the drawn marks (%(default)s)",
    )
    parser.add_argument("--page", choices=PAGES, default="a4", help="paper size (%(default)s)")


def run(args: argparse.Namespace) -> int:
    """Draw the card and write it.

    Raises:
        ToolError: a file cannot be written.
    """
    from edged_models.testcard.render import render_card

    began_s = time.perf_counter()
    card = render_card(PAGES[args.page], seed=args.seed)
    pdf, png = args.out / "testcard.pdf", args.out / "testcard.png"
    write_bytes(pdf, card.pdf)
    write_bytes(png, card.png)
    seconds = time.perf_counter() - began_s
    result = TestCardResult(pdf=pdf, png=png, marks=MARK_LABELS, seconds=seconds)
    lines = [f"{path}  {path.stat().st_size / 1024:.0f} KiB" for path in (pdf, png)]
    print_result(args, result, [*lines, f"{len(MARK_LABELS)} marks, took {seconds:.1f} s"])
    return 0
