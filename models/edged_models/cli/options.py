"""Options that several commands have."""

import argparse
from pathlib import Path

from edged.terminal.numbers import integer_in_range, number_in_range

MAX_PICTURES = 10_000_000


def add_model_argument(parser: argparse.ArgumentParser) -> None:
    """Add the model file that the command reads."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")


def add_runtime_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--runtime``."""
    parser.add_argument(
        "--runtime",
        choices=["auto", "litert", "tflite"],
        default="auto",
        help="runtime for the model (%(default)s)",
    )


def add_min_score_option(parser: argparse.ArgumentParser, *, text: str) -> None:
    """Add ``--min-score``; `text` is its help."""
    parser.add_argument(
        "--min-score",
        type=number_in_range(min_value=0, max_value=1),
        default=0.5,
        metavar="S",
        help=f"{text} (%(default)s)",
    )


def add_labels_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--labels``."""
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="the model's labels, a text file with one a line",
    )


def add_limit_option(
    parser: argparse.ArgumentParser, *, text: str, default: int | None = None
) -> None:
    """Add ``--limit``, the largest number of pictures to read.

    Args:
        parser: the command's parser.
        text: help of the option.
        default: number of pictures without the option; None for all.
    """
    parser.add_argument(
        "--limit",
        type=integer_in_range(min_value=1, max_value=MAX_PICTURES),
        default=default,
        metavar="N",
        help=text if default is None else f"{text} (%(default)s)",
    )


def add_threads_option(
    parser: argparse.ArgumentParser, *, max_value: int, text: str = "number of threads"
) -> None:
    """Add ``--threads``, one by default.

    Args:
        parser: the command's parser.
        max_value: largest number of threads.
        text: help of the option.
    """
    parser.add_argument(
        "--threads",
        type=integer_in_range(min_value=1, max_value=max_value),
        default=1,
        metavar="N",
        help=f"{text} (%(default)s)",
    )


def add_skip_bad_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--skip-bad``."""
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out the pictures that cannot be used, damaged ones and those with wrong labels, and say which (off: they are errors)",
    )
