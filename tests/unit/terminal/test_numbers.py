"""Numbers on the command line."""

import argparse

import pytest

from edged.terminal.numbers import integer_in_range, number_in_range


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "2", "x", ""])
def test_what_is_no_number_or_out_of_bounds_is_reported_in_plain_words(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number from 0 to 1, got"):
        number_in_range(min_value=0, max_value=1)(text)


def test_bounds_may_be_left_out_or_open() -> None:
    assert number_in_range(min_value=0)("1e9") == 1e9
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number above 0, got '0'"):
        number_in_range(min_value=0, exclude_min=True)("0")


@pytest.mark.parametrize("text", ["0", "9", "1.5", "٣", "x", ""])
def test_counts_are_whole(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number from 1 to 8"):
        integer_in_range(min_value=1, max_value=8)(text)
