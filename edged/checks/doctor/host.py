"""Reads the host, and has it judged."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edged.checks import systemd_unit as service
from edged.checks.doctor import judging
from edged.checks.doctor.finding import Finding
from edged.clock import Clock, clock_quality
from edged.config.settings import Settings
from edged.host.board import Board

_PROBE_BYTES = 4096


def look_at_service() -> Iterator[Finding]:
    """What systemd says."""
    yield judging.service(service.ask())


def look_at_board(board: Board, clock: Clock) -> Iterator[Finding]:
    """Supply, heat, memory, time."""
    flags = board.throttling()
    yield judging.power(flags, board.under_voltage(flags), board.model())
    yield judging.temperature(board.temperature_c())
    yield judging.memory(board.memory_mb())
    floor_ns = Path(__file__).stat().st_mtime_ns
    yield judging.clock(clock_quality(clock.wall_ns(), floor_ns))


def look_at_disk(board: Board, state: Path, settings: Settings) -> Iterator[Finding]:
    """Of the state directory: room, and whether it takes a small file."""
    wanted_mb = settings.spool.max_mb + settings.updates.reserve_mb
    yield judging.disk(board.disk_mb(state), fault=_write_fault(state), wanted_mb=wanted_mb)


def _write_fault(folder: Path) -> str:
    """Why nothing can be written there; "" if it can: to the disk, not only to the cache."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as probe:
            probe.write(os.urandom(_PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror or error}"
    return ""
