"""Whether the broker answers: a frozen one takes messages into its socket for a long time, and delivers them when they are old."""

from edged.clock import NS_PER_S, Clock

_QUESTION_INTERVAL_NS = NS_PER_S // 4
_MIN_WAIT_NS = NS_PER_S * 3 // 20
_MAX_WAIT_NS = NS_PER_S // 2
"""With the interval above, what is sent before a frozen broker is noticed was sent within 0.4 s on a quick link, and 0.75 s on a slow one.
A link whose answers take longer could not deliver within a second anyway."""
_USUAL_ANSWERS = 4
"""An answer is overdue after that many times the time of the slowest of the latest answers, beyond the shortest wait."""


class SignsOfLife:
    """When the broker was asked (PINGREQ), and whether it has answered."""

    def __init__(self, clock: Clock) -> None:
        """Begin without a question.

        Args:
            clock: the clock of the intervals.
        """
        self._clock = clock
        self._question_ns = 0
        self._sign_ns = 0
        """When the latest question was sent, or something came after it."""
        self._is_answered = True
        self._slowest_ns = 0
        """Time of the slowest answer; it fades with each further one."""

    @property
    def is_question_due(self) -> bool:
        """Whether the broker is to be asked, together with a message that is worth nothing when it is late."""
        if not self._is_answered:
            return False
        return self._clock.monotonic_ns() - self._sign_ns >= _QUESTION_INTERVAL_NS

    @property
    def is_overdue(self) -> bool:
        """Whether the answer should have come."""
        if self._is_answered:
            return False
        max_wait_ns = min(_MIN_WAIT_NS + _USUAL_ANSWERS * self._slowest_ns, _MAX_WAIT_NS)
        return self._clock.monotonic_ns() - self._question_ns >= max_wait_ns

    def record_question(self) -> None:
        """Take note that the broker was asked now."""
        self._question_ns = self._sign_ns = self._clock.monotonic_ns()
        self._is_answered = False

    def record_answer(self) -> None:
        """Take note that the broker has sent something."""
        self._sign_ns = self._clock.monotonic_ns()
        if not self._is_answered:
            self._is_answered = True
            waited_ns = self._sign_ns - self._question_ns
            self._slowest_ns = max(waited_ns, self._slowest_ns * 7 // 8)
