"""What a look at one part has found."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

Verdict = Literal["ok", "warn", "fail"]
_BY_GRAVITY: tuple[Verdict, ...] = ("fail", "warn", "ok")


class Finding(Struct, frozen=True, kw_only=True):
    """One part of the device.

    Attributes:
        part: ``camera.front``, ``disk``, ...
        verdict: ``warn`` works, and may not always; ``fail`` does not work.
        says: what was seen, in words.
        advice: what to do; "" where there is nothing to do.
    """

    part: str
    verdict: Verdict
    says: str
    advice: str = ""


def ok(part: str, says: str) -> Finding:
    """All is well."""
    return Finding(part=part, verdict="ok", says=says)


def warn(part: str, says: str, advice: str = "") -> Finding:
    """It works, and may not always."""
    return Finding(part=part, verdict="warn", says=says, advice=advice)


def fail(part: str, says: str, advice: str = "") -> Finding:
    """It does not work."""
    return Finding(part=part, verdict="fail", says=says, advice=advice)


def worst(findings: Iterable[Finding]) -> Verdict:
    """The gravest verdict of all."""
    found = {finding.verdict for finding in findings}
    return next((verdict for verdict in _BY_GRAVITY if verdict in found), "ok")
