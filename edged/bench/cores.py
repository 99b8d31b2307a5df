"""Cores: the broker and the subscriber get one of their own where there are at least three."""

import os
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import dataclass

MIN_CORES = 3
"""With fewer cores the daemon would have only one: its processes and the broker share all of them."""


@dataclass(frozen=True, slots=True)
class CoreSplit:
    """The cores of the measured programs, and those of the broker and the subscriber.

    Attributes:
        measured: the cores of the daemon, the tutorial loop and the bare interpreter.
        others: the cores of the broker and the subscriber.
    """

    measured: frozenset[int]
    others: frozenset[int]

    @property
    def is_pinned(self) -> bool:
        """True if no core is in both."""
        return not self.measured & self.others


def split_cores(available: AbstractSet[int]) -> CoreSplit:
    """Split the available cores."""
    if len(available) < MIN_CORES:
        return CoreSplit(frozenset(available), frozenset(available))
    last = max(available)
    return CoreSplit(frozenset(available - {last}), frozenset({last}))


@contextmanager
def pinned_cores() -> Iterator[CoreSplit]:
    """Keep this process, and what it starts inside, on the measured cores."""
    available = os.sched_getaffinity(0)
    split = split_cores(available)
    with suppress(PermissionError):
        os.sched_setaffinity(0, split.measured)
    try:
        yield split
    finally:
        with suppress(PermissionError):
            os.sched_setaffinity(0, available)


def move_to(pid: int, cores: AbstractSet[int]) -> None:
    """Keep a process on these cores, if that is permitted."""
    with suppress(PermissionError, ProcessLookupError):
        os.sched_setaffinity(pid, cores)
