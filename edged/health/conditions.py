"""The active conditions, and the severity that they add up to."""

import logging
from dataclasses import dataclass
from enum import StrEnum

from edged.clock import Clock
from edged.health.kinds import ConditionKind
from edged.logs import journal_fields
from edged.redaction import redact_text

_log = logging.getLogger(__name__)


class Severity(StrEnum):
    """The severity of one condition, or of all of them together."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that is wrong now.

    Attributes:
        kind: the kind of condition.
        name: the published name: the kind, and what it is about, for example ``camera.front``.
        severity: `DEGRADED` or `FAILED`.
        reason: a sentence for people.
        since_ns: monotonic time at which it began; a new reason does not restart it.
    """

    kind: ConditionKind
    name: str
    severity: Severity
    reason: str
    since_ns: int


class Conditions:
    """The active conditions."""

    def __init__(self) -> None:
        self._active: dict[str, Condition] = {}

    def set(
        self,
        kind: ConditionKind,
        reason: str,
        *,
        now_ns: int,
        subject: object = None,
        severity: Severity = Severity.DEGRADED,
    ) -> bool:
        """Activate a condition, or update its reason and severity.

        Args:
            kind: the kind of condition.
            reason: a sentence for people.
            now_ns: monotonic time.
            subject: the camera's name or the worker's number, where the kind has one.
            severity: `DEGRADED` or `FAILED`.

        Returns:
            Whether anything changed.
        """
        name = kind.name_of(subject)
        before = self._active.get(name)
        since_ns = before.since_ns if before else now_ns
        self._active[name] = Condition(
            kind=kind, name=name, severity=severity, reason=redact_text(reason), since_ns=since_ns
        )
        return before != self._active[name]

    def clear(self, kind: ConditionKind, subject: object = None) -> bool:
        """Clear a condition; return whether it was active."""
        return self._active.pop(kind.name_of(subject), None) is not None

    @property
    def active(self) -> tuple[Condition, ...]:
        """The active conditions, oldest first."""
        return tuple(sorted(self._active.values(), key=lambda c: (c.since_ns, c.name)))

    @property
    def overall_severity(self) -> Severity:
        """The highest severity of the active conditions."""
        severities = (condition.severity for condition in self._active.values())
        return max(severities, key=list(Severity).index, default=Severity.OK)


class ConditionReporter:
    """Sets and clears `conditions` with the present time of `clock`, and logs their changes."""

    def __init__(self, conditions: Conditions, clock: Clock) -> None:
        self._conditions = conditions
        self._clock = clock

    def set(self, kind: ConditionKind, reason: str | None) -> None:
        """Set a condition for this reason; None clears it."""
        if reason is None:
            self._conditions.clear(kind)
        elif self._conditions.set(kind, reason, now_ns=self._clock.monotonic_ns()):
            _log.warning("%s: %s", kind, reason, extra=journal_fields(condition=kind.value))
