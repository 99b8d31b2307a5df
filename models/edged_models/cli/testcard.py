"""``edged-models testcard``: a card to hold up to the camera."""

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
"""Its marks are as most are: black codes on white, well-known signs."""


class TestCardResult(Struct, frozen=True, kw_only=True):
    """What was made.

    Attributes:
        pdf: to print.
        png: for a screen.
        marks: labels, in the order in which they stand on it.
        seconds: how long it took.
    """

    pdf: Path
    png: Path
    marks: tuple[str, ...]
    seconds: float


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "testcard",
        help="draw a card with one of each mark, to print or to show on a phone",
        description="Writes testcard.pdf and testcard.png: one of each mark that the bundled model knows, with the event to expect. "
        "Another seed gives other codes and other signs.",
    )
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR")
    parser.add_argument(
        "--seed",
        type=integer_in_range(min_value=0, max_value=_MAX_SEED),
        default=_DEFAULT_SEED,
        metavar="N",
    )
    parser.add_argument("--page", choices=PAGES, default="a4")
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Draw it.

    Raises:
        ToolError: it cannot be written.
    """
    from edged_models.testcard.render import render_card

    start_s = time.perf_counter()
    card = render_card(PAGES[args.page], seed=args.seed)
    pdf, png = args.out / "testcard.pdf", args.out / "testcard.png"
    write_bytes(pdf, card.pdf)
    write_bytes(png, card.png)
    made = TestCardResult(
        pdf=pdf, png=png, marks=MARK_LABELS, seconds=time.perf_counter() - start_s
    )
    lines = [f"{path}  {path.stat().st_size / 1024:.0f} KiB" for path in (pdf, png)]
    print_result(args, made, [*lines, f"{len(MARK_LABELS)} marks, {made.seconds:.1f} s"])
    return 0
