"""Numbers on the command line: what is no number, or out of bounds, is a usage error in plain words."""

import argparse
import math
from collections.abc import Callable


def number(*, least: float, most: float = math.inf, above: bool = False) -> Callable[[str], float]:
    """An argparse `type`: a finite number from `least` (or, with `above`, above it) to `most`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        low = value > least if above else value >= least
        if not (low and value <= most and math.isfinite(value)):
            begin = "above" if above else "from"
            end = "" if math.isinf(most) else f" to {most:g}"
            raise argparse.ArgumentTypeError(
                f"expected a number {begin} {least:g}{end}, got {text!r}"
            )
        return value

    return parse


def count(*, least: int, most: int) -> Callable[[str], int]:
    """An argparse `type`: a whole number."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {least} to {most}, got {text!r}"
            )
        return int(text)

    return parse
