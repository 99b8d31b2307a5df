"""Check of the available memory."""

from collections.abc import Iterator

from edged.checks.doctor.finding import Finding, ok, warn
from edged.host.board import Board

MIN_AVAILABLE_MB = 100.0
_PART = "memory"


def check_memory(board: Board) -> Iterator[Finding]:
    """Read total and available memory."""
    yield assess_memory(board.read_memory_mb())


def assess_memory(total_and_available_mb: tuple[float, float] | None) -> Finding:
    """Assess total and available memory in MiB; None if they cannot be read."""
    if total_and_available_mb is None:
        return ok(_PART, "not measured: /proc/meminfo cannot be read")
    total_mb, available_mb = total_and_available_mb
    message = f"{available_mb:.0f} of {total_mb:.0f} MB free"
    if available_mb < MIN_AVAILABLE_MB:
        advice = "run fewer or smaller models (model.workers), or fewer services"
        return warn(_PART, message, advice)
    return ok(_PART, message)
