"""Waiting times before another attempt."""

import random
from collections.abc import Callable


class Backoff:
    """Exponential back-off with jitter: each wait is drawn from a uniform distribution below a bound that doubles up to `max_s`.

    Full jitter (`min_share` = 0) spreads a fleet's retries best (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture
    Blog, 2015).
    """

    def __init__(
        self,
        *,
        initial_s: float,
        max_s: float,
        min_share: float = 0.0,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Begin with the first wait.

        Args:
            initial_s: bound of the first wait, seconds.
            max_s: largest bound, seconds.
            min_share: share of the bound below which no wait is drawn, where an immediate retry must not happen.
            draw: returns uniformly distributed numbers in [0, 1).
        """
        self._initial_s = min(initial_s, max_s)
        self._max_s = max_s
        self._min_share = min_share
        self._draw = draw
        self._bound_s = self._initial_s

    def next_wait_s(self) -> float:
        """Draw the next wait, seconds, and double the bound."""
        wait_s = self._bound_s * (self._min_share + (1 - self._min_share) * self._draw())
        self._bound_s = min(self._max_s, 2 * self._bound_s)
        return wait_s

    def reset(self) -> None:
        """Go back to the first bound, after a success."""
        self._bound_s = self._initial_s
