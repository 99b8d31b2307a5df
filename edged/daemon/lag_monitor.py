"""How late the supervisor's event loop is, and the condition that it is too late."""

from edged.clock import NS_PER_S, Clock
from edged.event_loop import EventLoop
from edged.health import ConditionKind, ConditionReporter
from edged.messaging.contract.device import LoopHealth

LATE_S = 0.5
"""From here on a detection of a second ago, the oldest that is published, may be lost to the supervisor itself."""
_IN_TIME_S = 0.25
_CLEAR_AFTER_S = 10.0
_ADVICE = (
    "the supervisor is late because it gets too little of the processor: run fewer cameras or a lower rate, leave a core to it "
    "(`[model] threads`), or raise the service's CPU quota"
)


class LagMonitor:
    """Measures the lag several times a second; `take` ends a reporting interval."""

    def __init__(self, loop: EventLoop, conditions: ConditionReporter, clock: Clock) -> None:
        """Begin to measure.

        Args:
            loop: the supervisor's loop.
            conditions: the active conditions.
            clock: the clock of the condition's end.
        """
        self._loop = loop
        self._conditions = conditions
        self._clock = clock
        self._lag_ns = self._call_ns = 0
        self._late_ns: int | None = None
        """When the loop was last late while the condition is active."""

    def tick(self) -> None:
        """Look at the lag since the last call; call it from a timer, several times a second."""
        lag_ns, self._loop.max_lag_ns = self._loop.max_lag_ns, 0
        call_ns, self._loop.max_call_ns = self._loop.max_call_ns, 0
        self._lag_ns, self._call_ns = max(self._lag_ns, lag_ns), max(self._call_ns, call_ns)
        now_ns = self._clock.monotonic_ns()
        limit_s = LATE_S if self._late_ns is None else _IN_TIME_S
        if lag_ns > limit_s * NS_PER_S:
            self._late_ns = now_ns
            self._conditions.set(ConditionKind.LATE, _ADVICE)
        elif self._late_ns is not None and now_ns - self._late_ns > _CLEAR_AFTER_S * NS_PER_S:
            self._late_ns = None
            self._conditions.set(ConditionKind.LATE, None)

    def take(self) -> LoopHealth:
        """Return the lag since the last call of this."""
        health = LoopHealth(
            lag_s=round(self._lag_ns / NS_PER_S, 4),
            longest_call_s=round(self._call_ns / NS_PER_S, 4),
        )
        self._lag_ns = self._call_ns = 0
        return health
