"""The fault that a silent disk is."""

from bisect import bisect_right

_STEPS_S = (5, 10, 30, 60, 120, 300)
"""Coarse, because every change of the text is published."""


def describe_silence(place: object, silent_s: float) -> str | None:
    """Return the fault of a disk that does not answer; None if it has not been silent for long.

    Args:
        place: what the disk was to read or write.
        silent_s: seconds since the disk was given the work that it does not answer.
    """
    step = bisect_right(_STEPS_S, silent_s)
    if step == 0:
        return None
    longest_s = _STEPS_S[-1]
    seconds = _STEPS_S[step - 1] if silent_s < 2 * longest_s else silent_s // longest_s * longest_s
    return (
        f"{place}: the disk has not answered for over {seconds:.0f} s; messages stay in memory, and are lost if edged stops"
        " before it does"
    )
