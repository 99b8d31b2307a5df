"""The result of one check: a finding."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from edged.redaction import redact_text


class FindingStatus(StrEnum):
    """The status of one part, the best first."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


_ASCENDING_SEVERITY = tuple(FindingStatus)


class Finding(Struct, frozen=True, kw_only=True):
    """The state of one part of the device.

    Attributes:
        part: ``camera.front``, ``disk``, ...
        status: ``warn`` for a part that works but may fail; ``fail`` for one that does not work.
        message: what the check found.
        advice: what to do; "" if there is nothing to do.
    """

    part: str
    status: FindingStatus
    message: str
    advice: str = ""


def ok(part: str, message: str) -> Finding:
    """Make the finding of a part that works."""
    return Finding(part=part, status=FindingStatus.OK, message=redact_text(message))


def warn(part: str, message: str, advice: str) -> Finding:
    """Make the finding of a part that works but may fail.

    Args:
        part: the part.
        message: what the check found.
        advice: what to do.
    """
    return Finding(
        part=part, status=FindingStatus.WARN, message=redact_text(message), advice=advice
    )


def fail(part: str, message: str, advice: str = "") -> Finding:
    """Make the finding of a part that does not work.

    Args:
        part: the part.
        message: what the check found.
        advice: what to do; "" if the message says it.
    """
    return Finding(
        part=part, status=FindingStatus.FAIL, message=redact_text(message), advice=advice
    )


def worst_status(findings: Iterable[Finding]) -> FindingStatus:
    """Return the worst status of all findings; OK without any."""
    return max(
        (finding.status for finding in findings),
        key=_ASCENDING_SEVERITY.index,
        default=FindingStatus.OK,
    )
