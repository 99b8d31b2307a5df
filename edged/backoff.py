"""How long to wait before trying again."""

import random
from collections.abc import Callable


class Backoff:
    """Exponential back-off with jitter: each wait is drawn evenly from below a bound that doubles up to a cap.

    Full jitter (`least` = 0) spreads a fleet's retries best (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture
    Blog, 2015).
    """

    def __init__(
        self,
        *,
        first_s: float,
        cap_s: float,
        least: float = 0.0,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Begin with the first wait.

        Args:
            first_s: bound of the first wait.
            cap_s: greatest bound.
            least: share of the bound below which no wait is drawn, for those who must not come back at once.
            draw: gives evenly distributed numbers in [0, 1).
        """
        self._first_s = min(first_s, cap_s)
        self._cap_s = cap_s
        self._least = least
        self._draw = draw
        self._bound_s = self._first_s

    def next_s(self) -> float:
        """The next wait in seconds."""
        wait_s = self._bound_s * (self._least + (1 - self._least) * self._draw())
        self._bound_s = min(self._cap_s, 2 * self._bound_s)
        return wait_s

    def reset(self) -> None:
        """It worked: the next failure is a first one again."""
        self._bound_s = self._first_s
