"""Waiting for what a test expects, with a deadline on the monotonic clock."""

import time
from collections.abc import Callable
from typing import TypeVar

_POLL_S = 0.02

_Found = TypeVar("_Found")


def wait_for(
    find: Callable[[], _Found],
    *,
    timeout_s: float = 20.0,
    state: Callable[[], object] = lambda: "",
    poll_s: float = _POLL_S,
) -> _Found:
    """Wait until `find` returns something true, and return it.

    Args:
        find: called again and again.
        timeout_s: how long to wait.
        state: returns what the error message shows of the state at the end.
        poll_s: time between two calls.

    Raises:
        AssertionError: the time is over.
    """
    end_s = time.monotonic() + timeout_s
    while not (found := find()):
        assert time.monotonic() < end_s, f"not within {timeout_s:g} s: {state()}"
        time.sleep(poll_s)
    return found
