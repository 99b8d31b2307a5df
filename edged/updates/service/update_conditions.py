"""The conditions about model updates."""

from edged.clock import Clock
from edged.health import ConditionKind, ConditionReporter, Conditions, Severity
from edged.updates.service.store_state import StoreState


class UpdateConditions:
    """Sets and clears the conditions about model updates."""

    def __init__(self, conditions: Conditions, clock: Clock) -> None:
        """Set nothing yet.

        Args:
            conditions: the active conditions of the device.
            clock: the clock of their times.
        """
        self._conditions = conditions
        self._reporter = ConditionReporter(conditions, clock)
        self._clock = clock
        self._is_waiting = False

    def follow_state(
        self, state: StoreState, *, blocked_reason: str | None, channel_problem: str | None
    ) -> None:
        """Report what is wrong by this state.

        Args:
            state: the state of the store.
            blocked_reason: why the deployment in flight does not continue; None if it does.
            channel_problem: why the last message of the channel is not followed; None if it is.
        """
        if self._is_waiting:
            self._is_waiting = False
            self._conditions.clear(ConditionKind.MODEL)
        fallback = state.fallback_reason
        self._reporter.set(
            ConditionKind.MODEL_FALLBACK,
            f"a fallback model is active: {fallback}" if fallback else None,
        )
        self._reporter.set(ConditionKind.UPDATE, state.store_problem or blocked_reason)
        self._reporter.set(ConditionKind.DROP_FOLDER, state.folder_problem)
        self._reporter.set(ConditionKind.CHANNEL, channel_problem)

    def follow_channel_silence(self, silence: str | None) -> None:
        """Report why the channel is stale; None if it is not."""
        self._reporter.set(ConditionKind.CHANNEL_STALE, silence)

    def report_waiting(self) -> None:
        """Report that the store could not be read at the start yet."""
        self._is_waiting = True
        self._conditions.set(
            ConditionKind.MODEL,
            "the disk of the model store does not answer: the workers start when the active model is known",
            now_ns=self._clock.monotonic_ns(),
            severity=Severity.FAILED,
        )
