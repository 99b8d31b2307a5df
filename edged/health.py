"""What is wrong, since when: named conditions and the verdict they add up to."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
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
    severity: Verdict
    reason: str
    since_ns: int


class Conditions:
    """The conditions that hold now."""

    def __init__(self) -> None:
        self._held: dict[str, Condition] = {}

    def hold(
        self, name: str, reason: str, *, now_ns: int, severity: Verdict = Verdict.DEGRADED
    ) -> bool:
        """Say that `name` is wrong; returns whether that is news."""
        before = self._held.get(name)
        since_ns = before.since_ns if before else now_ns
        self._held[name] = Condition(name=name, severity=severity, reason=reason, since_ns=since_ns)
        return before != self._held[name]

    def clear(self, name: str) -> bool:
        """Say that `name` is well; returns whether that is news."""
        return self._held.pop(name, None) is not None

    def clear_all(self, prefix: str) -> bool:
        """Clear every condition whose name begins so."""
        before = len(self._held)
        self._held = {n: c for n, c in self._held.items() if not n.startswith(prefix)}
        return len(self._held) != before

    @property
    def held(self) -> tuple[Condition, ...]:
        """Oldest first."""
        return tuple(sorted(self._held.values(), key=lambda c: (c.since_ns, c.name)))

    @property
    def verdict(self) -> Verdict:
        """The gravest of all."""
        severities = {condition.severity for condition in self._held.values()}
        for verdict in (Verdict.FAILED, Verdict.DEGRADED):
            if verdict in severities:
                return verdict
        return Verdict.OK
