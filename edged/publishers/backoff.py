"""How long to wait before the next attempt."""

import random


class Backoff:
    """Doubles from a second up to a longest pause, with jitter, so that a fleet does not come back in step.

    Each pause is drawn evenly from a quarter of the step to the whole of it: never nothing, so that what the last connection
    reported is taken in before the next one is there.
    """

    def __init__(self, *, longest_s: float, first_s: float = 1.0) -> None:
        self._random = random.SystemRandom()
        self._first_s = min(first_s, longest_s)
        self._longest_s = longest_s
        self._step_s = self._first_s

    def next_s(self) -> float:
        """The next pause."""
        step_s, self._step_s = self._step_s, min(2 * self._step_s, self._longest_s)
        return self._random.uniform(step_s / 4, step_s)

    def reset(self) -> None:
        """It worked: begin with short pauses again."""
        self._step_s = self._first_s
