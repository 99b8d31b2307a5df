"""The rule for the first sequence number of a device without a record of earlier numbers, without I/O."""

import secrets

_MIN_WALL_MS = 1_735_689_600_000
"""2025-01-01: a clock that shows an earlier time was never set."""
_UNSET_CLOCK_START = 2**41
"""The year 2039 in milliseconds: above all numbers that began at a clock that was set."""


def choose_start(wall_ms: int) -> int:
    """Return the first number: the wall clock's milliseconds since 1970, `wall_ms`.

    A device that lost its disk, or that runs from memory, continues above every number it can have used, as long as it makes fewer
    than a thousand messages a second. If the clock was never set, the number is random, between 2**41 and 2**42: above all that began
    at the clock, and hardly ever one that an earlier start without a clock has used.
    """
    if wall_ms >= _MIN_WALL_MS:
        return wall_ms
    return _UNSET_CLOCK_START + secrets.randbelow(_UNSET_CLOCK_START)
