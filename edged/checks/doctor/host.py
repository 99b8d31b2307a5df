"""Reads the host, and has it judged."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edged.checks import systemd_unit as service
from edged.checks.doctor import rules as judging
from edged.checks.doctor.finding import Finding
from edged.clock import Clock, clock_quality
from edged.config.settings import Settings
from edged.host.board import Board

_PROBE_BYTES = 4096


def check_service() -> Iterator[Finding]:
    """What systemd says."""
    yield judging.assess_service(service.query_unit())


def check_board(board: Board, clock: Clock) -> Iterator[Finding]:
    """Supply, heat, memory, time."""
    flags = board.read_throttling()
    yield judging.assess_power(flags, board.is_under_voltage(flags), board.read_model())
    yield judging.assess_temperature(board.read_temperature_c())
    yield judging.assess_memory(board.read_memory_mb())
    floor_ns = Path(__file__).stat().st_mtime_ns
    yield judging.assess_clock(clock_quality(clock.wall_ns(), floor_ns))


def check_disk(board: Board, state_dir: Path, settings: Settings) -> Iterator[Finding]:
    """Of the state directory: room, and whether it takes a small file."""
    wanted_mb = settings.spool.max_mb + settings.updates.reserve_mb
    yield judging.assess_disk(
        board.read_disk_mb(state_dir), write_error=_write_error(state_dir), required_mb=wanted_mb
    )


def _write_error(folder: Path) -> str:
    """Why nothing can be written there; "" if it can: to the disk, not only to the cache."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as probe:
            probe.write(os.urandom(_PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror or error}"
    return ""
