"""Check of the disk wear: how much the daemon writes per day."""

from edged.checks.doctor.finding import Finding, ok, warn

MAX_WRITTEN_MB_PER_DAY = 2000.0
_PART = "wear"
_MIN_UPTIME_S = 600.0
_DAY_S = 86_400.0


def assess_disk_wear(written_mb: float | None, uptime_s: float) -> Finding:
    """Assess the amount of data that the daemon has written since its start.

    Args:
        written_mb: written to any disk, in MiB; None if the kernel does not count it.
        uptime_s: time since the daemon's start, in seconds.
    """
    if written_mb is None:
        return ok(_PART, "not measured: this kernel does not count written bytes")
    message = f"{written_mb:.1f} MB written in {uptime_s / 3600:.1f} h"
    if uptime_s < _MIN_UPTIME_S:
        return ok(_PART, message)
    per_day_mb = written_mb * _DAY_S / uptime_s
    message += f", {per_day_mb:.0f} MB per day"
    if per_day_mb > MAX_WRITTEN_MB_PER_DAY:
        advice = "raise events.update_s, restore the connection to the broker, or use a disk that endures it"
        return warn(_PART, message, advice)
    return ok(_PART, message)
