"""Check of the wall clock: whether timestamps in messages can be trusted."""

from collections.abc import Iterator
from pathlib import Path

from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.clock import Clock, ClockQuality, clock_quality

_PART = "clock"
_ADVICE = (
    "enable a time service (systemd-timesyncd or chrony), and check that it reaches its servers"
)


def check_clock(clock: Clock) -> Iterator[Finding]:
    """Determine the quality of the wall clock."""
    # This file's modification time is a lower bound for the current time.
    floor_ns = Path(__file__).stat().st_mtime_ns
    yield assess_clock(clock_quality(clock.wall_ns(), floor_ns))


def assess_clock(quality: ClockQuality) -> Finding:
    """Assess the quality of the wall clock."""
    if quality == "unsynced":
        return fail(_PART, "its time is earlier than edged's own files", _ADVICE)
    if quality == "floor":
        return warn(_PART, "not synchronised", _ADVICE)
    return ok(_PART, "synchronised")
