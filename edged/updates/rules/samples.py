"""Samples of a trial in constant memory: of all frames, and of its consecutive parts."""

import functools
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

_RESERVOIR_SIZE = 1024
_MAX_GROUPS = 32

ItemT = TypeVar("ItemT")


class Reservoir(Generic[ItemT]):
    """A uniform sample of all items (Vitter 1985, algorithm R)."""

    def __init__(self, size: int = _RESERVOIR_SIZE) -> None:
        self.count = 0
        self._size = size
        self._items: list[ItemT] = []
        self._random = random.Random(0)  # noqa: S311 (it protects nothing)

    def add(self, item: ItemT) -> None:
        """Add one item."""
        self.count += 1
        if len(self._items) < self._size:
            self._items.append(item)
        elif (place := self._random.randrange(self.count)) < self._size:
            self._items[place] = item

    @property
    def items(self) -> tuple[ItemT, ...]:
        """The sample."""
        return tuple(self._items)


class Groups(Generic[ItemT]):
    """Sums over consecutive parts of a trial, at most 32 of them: then each two neighbours become one, and later ones are as long."""

    def __init__(self, add: Callable[[ItemT, ItemT], ItemT]) -> None:
        """Start without items.

        Args:
            add: adds two items.
        """
        self._add = add
        self._size = 1
        self._groups: list[ItemT] = []
        self._open_count = 0
        """Number of items in the last group."""

    def add(self, item: ItemT) -> None:
        """Add one item to the last group, or begin a new one."""
        if self._groups and self._open_count < self._size:
            self._groups[-1] = self._add(self._groups[-1], item)
            self._open_count += 1
            return
        if len(self._groups) == _MAX_GROUPS:
            pairs = zip(self._groups[::2], self._groups[1::2], strict=True)
            self._groups = [self._add(one, other) for one, other in pairs]
            self._size *= 2
        self._groups.append(item)
        self._open_count = 1

    @property
    def items(self) -> tuple[ItemT, ...]:
        """The groups, oldest first."""
        return tuple(self._groups)


@dataclass(frozen=True, slots=True)
class PairedTimes:
    """The net times of both models on the same frame, or on two frames.

    Attributes:
        new_ns: the new model's, nanoseconds.
        old_ns: the old model's, nanoseconds.
    """

    new_ns: int
    old_ns: int

    def balance(self, other: "PairedTimes") -> "PairedTimes":
        """Return the geometric means with those of a frame on which the other model came first: what coming first costs cancels out."""
        return PairedTimes(
            math.isqrt(self.new_ns * other.new_ns), math.isqrt(self.old_ns * other.old_ns)
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """The boxes of both models on the same frames.

    Attributes:
        both: boxes that both models detected.
        only_new: boxes that only the new model detected.
        only_old: boxes that only the old model detected.
    """

    both: int = 0
    only_new: int = 0
    only_old: int = 0

    @property
    def total(self) -> int:
        """The distinct boxes of both models."""
        return self.both + self.only_new + self.only_old

    @property
    def new(self) -> int:
        """The boxes of the new model."""
        return self.both + self.only_new

    @property
    def old(self) -> int:
        """The boxes of the old model."""
        return self.both + self.only_old

    def plus(self, other: "Comparison") -> "Comparison":
        """Return the comparison on the frames of both."""
        return Comparison(
            self.both + other.both, self.only_new + other.only_new, self.only_old + other.only_old
        )

    @classmethod
    def sum_up(cls, comparisons: Iterable["Comparison"]) -> "Comparison":
        """Return the comparison on the frames of all these."""
        return functools.reduce(cls.plus, comparisons, cls())


@dataclass(frozen=True, slots=True)
class FrameWindow:
    """The frames of a second or more.

    Attributes:
        wall_s: how long it lasted, seconds.
        own_s: time that the workers had for the new model, seconds: without the shadow's, and without that in which they waited for a processor.
        captured: frames that the cameras gave.
        inferred: frames on which the new model ran.
    """

    wall_s: float = 0.0
    own_s: float = 0.0
    captured: int = 0
    inferred: int = 0

    def plus(self, other: "FrameWindow") -> "FrameWindow":
        """Return the window that covers both."""
        return FrameWindow(
            self.wall_s + other.wall_s,
            self.own_s + other.own_s,
            self.captured + other.captured,
            self.inferred + other.inferred,
        )
