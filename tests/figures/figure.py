"""One figure: what was counted, and its limit."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A count or share with its limit.

    Attributes:
        name: what was measured.
        value: the number; shares are 0..1.
        limit: the largest allowed value, or the smallest one if `at_least`.
        at_least: whether `limit` is a lower bound.
        share: whether `value` is a share.
        places: where it is violated, as ``file:line: what``.
    """

    name: str
    value: float
    limit: float
    at_least: bool = False
    share: bool = False
    places: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the value is within its limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def line(self) -> str:
        """Return the figure as one line of text."""
        sign = "≥" if self.at_least else "≤"
        verdict = "ok  " if self.holds else "FAIL"
        return f"{verdict} {self.name}: {self._text(self.value)} ({sign} {self._text(self.limit)})"

    def as_json(self) -> dict[str, Any]:
        """Return the figure as a JSON object."""
        return {
            "name": self.name,
            "value": self.value,
            "limit": self.limit,
            "at_least": self.at_least,
            "holds": self.holds,
            "places": list(self.places),
        }

    def _text(self, value: float) -> str:
        return f"{value:.1%}" if self.share else f"{value:g}"
