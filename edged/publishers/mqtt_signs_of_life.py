"""Whether the broker answers: a frozen one takes messages into its socket for a long time, and delivers them when they are old."""

from edged.clock import NS_PER_S, Clock

_ASK_INTERVAL_NS = NS_PER_S // 10
_MAX_WAIT_NS = NS_PER_S // 2
"""With the interval above, what is sent before a frozen broker is noticed was sent within 0.6 s. A link whose answers take longer could not
deliver within a second anyway."""


class SignsOfLife:
    """When the broker was asked (PINGREQ), and whether it has answered."""

    def __init__(self, clock: Clock) -> None:
        """Begin without a question.

        Args:
            clock: the clock of the intervals.
        """
        self._clock = clock
        self._asked_ns = 0
        self._is_answered = True

    @property
    def is_question_due(self) -> bool:
        """Whether the broker is to be asked, before the next message that is worth nothing when it is late."""
        return self._is_answered and self._clock.monotonic_ns() - self._asked_ns >= _ASK_INTERVAL_NS

    @property
    def is_overdue(self) -> bool:
        """Whether the answer should have come."""
        return not self._is_answered and self._clock.monotonic_ns() - self._asked_ns >= _MAX_WAIT_NS

    def record_question(self) -> None:
        """Take note that the broker was asked now."""
        self._asked_ns, self._is_answered = self._clock.monotonic_ns(), False

    def record_answer(self) -> None:
        """Take note that the broker has sent something."""
        self._is_answered = True
