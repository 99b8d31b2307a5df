"""Check of the state directory's disk: free space, and whether a file can be written."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.config.settings import Settings
from edged.host.board import Board

MIN_FREE_MB = 16.0
_PART = "disk"
_PROBE_BYTES = 4096


def check_disk(board: Board, state_dir: Path, settings: Settings) -> Iterator[Finding]:
    """Read the free space of the state directory, and write a small file there.

    Args:
        board: reads the free space.
        state_dir: the state directory.
        settings: has the sizes of the spool and of the reserve for updates.
    """
    yield assess_disk(
        board.read_disk_mb(state_dir),
        write_error=_probe_write(state_dir),
        required_mb=settings.spool.max_mb + settings.updates.reserve_mb,
    )


def assess_disk(
    total_and_free_mb: tuple[float, float] | None, *, write_error: str | None, required_mb: float
) -> Finding:
    """Assess the disk of the state directory.

    Args:
        total_and_free_mb: total and free space in MiB; None if they cannot be read.
        write_error: why no file can be written; None if one can.
        required_mb: the space that the spool and updates may use, in MiB.
    """
    if write_error is not None:
        advice = "mount the disk writable; an SD card that turns read-only is worn out"
        return fail(_PART, write_error, advice)
    if total_and_free_mb is None:
        return fail(_PART, "its free space cannot be read", "read the kernel's log: dmesg")
    total_mb, free_mb = total_and_free_mb
    message = f"{free_mb:.0f} of {total_mb:.0f} MB free, writable"
    if free_mb < MIN_FREE_MB:
        return fail(_PART, message, "delete files that are not needed")
    if free_mb < required_mb:
        advice = f"delete files, or lower spool.max_mb and updates.reserve_mb, which allow {required_mb:.0f} MB"
        return warn(_PART, message, advice)
    return ok(_PART, message)


def _probe_write(folder: Path) -> str | None:
    """Write a small file to the disk, past the cache; return why that fails, or None."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as probe:
            probe.write(os.urandom(_PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror or error}"
    return None
