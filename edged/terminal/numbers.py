"""Numbers on the command line. Anything else, or a number out of range, is a usage error."""

import argparse
import math
from collections.abc import Callable


def number_in_range(
    *, min_value: float, max_value: float = math.inf, exclude_min: bool = False
) -> Callable[[str], float]:
    """Return an argparse `type` that takes a finite number in a range.

    Args:
        min_value: the lowest number.
        max_value: the highest number.
        exclude_min: whether `min_value` itself is out of range.

    Returns:
        A parser of one argument.
    """

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        low = value > min_value if exclude_min else value >= min_value
        if not (low and value <= max_value and math.isfinite(value)):
            begin = "above" if exclude_min else "from"
            end = "" if math.isinf(max_value) else f" to {max_value:g}"
            raise argparse.ArgumentTypeError(
                f"expected a number {begin} {min_value:g}{end}, got {text!r}"
            )
        return value

    return parse


def integer_in_range(*, min_value: int, max_value: int) -> Callable[[str], int]:
    """Return an argparse `type` that takes a whole number from `min_value` to `max_value`."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and min_value <= int(text) <= max_value):
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {min_value} to {max_value}, got {text!r}"
            )
        return int(text)

    return parse
