"""How lost messages are logged."""

import pytest

from edged.messaging.open_outbox import _format_ranges


@pytest.mark.parametrize(
    ("ranges", "text"),
    [
        (((17, 17),), "17"),
        (((17, 17), (20, 25)), "17, 20 to 25"),
        (tuple((n, n) for n in range(1, 9)), "1, 2, 3, 4, 5 and 3 further ranges"),
    ],
)
def test_numbers_are_words_and_no_python(ranges: tuple[tuple[int, int], ...], text: str) -> None:
    assert _format_ranges(ranges) == text
