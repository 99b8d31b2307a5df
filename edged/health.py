"""What is wrong, since when: named conditions and the verdict they add up to."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Of the whole device; also how grave one condition is."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that is wrong.

    Attributes:
        name: stable, dotted: ``camera.front``, ``model``, ``broker``.
        severity: `DEGRADED` or `FAILED`.
        reason: for people.
        since_ns: monotonic, when it began; a change of the reason does not restart it.
    """

    name: str
    severity: Severity
    reason: str
    since_ns: int


class Conditions:
    """The conditions that hold now."""

    def __init__(self) -> None:
        self._active: dict[str, Condition] = {}

    def set(
        self, name: str, reason: str, *, now_ns: int, severity: Severity = Severity.DEGRADED
    ) -> bool:
        """Say that `name` is wrong; returns whether that is news."""
        before = self._active.get(name)
        since_ns = before.since_ns if before else now_ns
        self._active[name] = Condition(
            name=name, severity=severity, reason=reason, since_ns=since_ns
        )
        return before != self._active[name]

    def clear(self, name: str) -> bool:
        """Say that `name` is well; returns whether that is news."""
        return self._active.pop(name, None) is not None

    def clear_all(self, prefix: str) -> bool:
        """Clear every condition whose name begins so."""
        before = len(self._active)
        self._active = {n: c for n, c in self._active.items() if not n.startswith(prefix)}
        return len(self._active) != before

    @property
    def active(self) -> tuple[Condition, ...]:
        """Oldest first."""
        return tuple(sorted(self._active.values(), key=lambda c: (c.since_ns, c.name)))

    @property
    def overall_severity(self) -> Severity:
        """The gravest of all."""
        severities = {condition.severity for condition in self._active.values()}
        for verdict in (Severity.FAILED, Severity.DEGRADED):
            if verdict in severities:
                return verdict
        return Severity.OK
