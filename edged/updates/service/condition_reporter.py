"""Sets and clears the conditions of model updates."""

import logging

from edged.clock import Clock
from edged.health import ConditionKind, Conditions
from edged.logs import journal_fields

_log = logging.getLogger(__name__)


class ConditionReporter:
    """The conditions of the device, set with the present time, and logged when they change."""

    def __init__(self, conditions: Conditions, clock: Clock) -> None:
        """Report to these conditions.

        Args:
            conditions: of the device.
            clock: for the time.
        """
        self._conditions = conditions
        self._clock = clock

    def set(self, kind: ConditionKind, reason: str | None) -> None:
        """Set a condition for this reason; None clears it."""
        if reason is None:
            self._conditions.clear(kind)
        elif self._conditions.set(kind, reason, now_ns=self._clock.monotonic_ns()):
            _log.warning("%s: %s", kind, reason, extra=journal_fields(condition=kind.value))
