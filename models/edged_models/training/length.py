"""The number of steps of a training: fixed, or as many as the time allows."""

import time
from collections.abc import Callable

_FIRST_STEPS = 10
"""The first estimate follows so many steps."""
_SHARE = 0.04
"""Between two estimates there is this share of the time."""


class TrainingLength:
    """The number of steps, which a time limit changes as the training proceeds.

    The learning rate depends on the number of steps, so that it ends low in either case.

    Attributes:
        steps: the number of steps as it is known now.
    """

    def __init__(
        self,
        steps: int,
        *,
        limit_s: float | None,
        spent_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the time.

        Args:
            steps: number of steps; with a limit the first estimate.
            limit_s: duration of the training, s; None for exactly `steps`.
            spent_s: time that an interrupted part of the training took, s.
            clock: reading of a clock that never goes back, s.
        """
        self.steps = steps
        self._limit_s = limit_s
        self._clock = clock
        self._began_s = clock() - spent_s
        self._overhead_s = 0.0
        self._last: tuple[int, float] | None = None

    @property
    def spent_s(self) -> float:
        """The time of the training so far, s."""
        return self._clock() - self._began_s

    def reserve(self, seconds: float) -> None:
        """Keep time for what follows the last step, as the last validation."""
        self._overhead_s = max(self._overhead_s, seconds)

    def update(self, done: int) -> None:
        """Note a step, and estimate anew if it is time to.

        Args:
            done: number of steps so far.
        """
        if self._limit_s is None:
            return
        spent_s = self.spent_s
        left_s = self._limit_s - self._overhead_s - spent_s
        if left_s <= 0:
            self.steps = done
            return
        if self._last is None:
            # The first step compiles the training, so it says nothing about the others.
            self._last = (done, spent_s)
            return
        steps, seconds = done - self._last[0], spent_s - self._last[1]
        is_due = steps >= _FIRST_STEPS and seconds >= _SHARE * self._limit_s
        if steps and (is_due or done >= self.steps):
            self.steps = done + max(1, round(left_s * steps / seconds))
            self._last = (done, spent_s)
