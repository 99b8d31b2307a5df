"""What a look at one part has found."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

FindingStatus = Literal["ok", "warn", "fail"]
_BY_SEVERITY: tuple[FindingStatus, ...] = ("fail", "warn", "ok")


class Finding(Struct, frozen=True, kw_only=True):
    """One part of the device.

    Attributes:
        part: ``camera.front``, ``disk``, ...
        status: ``warn`` works, and may not always; ``fail`` does not work.
        message: what was seen, in words.
        advice: what to do; "" where there is nothing to do.
    """

    part: str
    status: FindingStatus
    message: str
    advice: str = ""


def ok(part: str, message: str) -> Finding:
    """All is well."""
    return Finding(part=part, status="ok", message=message)


def warn(part: str, message: str, advice: str = "") -> Finding:
    """It works, and may not always."""
    return Finding(part=part, status="warn", message=message, advice=advice)


def fail(part: str, message: str, advice: str = "") -> Finding:
    """It does not work."""
    return Finding(part=part, status="fail", message=message, advice=advice)


def worst_status(findings: Iterable[Finding]) -> FindingStatus:
    """The gravest verdict of all."""
    found = {finding.status for finding in findings}
    return next((verdict for verdict in _BY_SEVERITY if verdict in found), "ok")
