"""The median is that of the standard library."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.updates.rules.significance import median


@given(st.lists(st.integers(0, 10**10), min_size=1))
def test_it_is_that_of_the_standard_library(values: list[int]) -> None:
    assert median(values) == statistics.median(values)


def test_nothing_has_no_median() -> None:
    with pytest.raises(ValueError, match="no values"):
        median([])
