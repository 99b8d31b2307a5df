"""The parts of `up/health` that are about the board: its firmware's flags and its memory."""

import os
from collections.abc import Mapping

from edged.host.board import Board, ThrottlingFlags
from edged.messaging.contract.device import MemoryHealth, ThrottlingHealth


def build_memory(board: Board, worker_pids: Mapping[int, int]) -> MemoryHealth | None:
    """Return the host's memory and that of each process of edged; None if it cannot be read.

    Args:
        board: the host's hardware.
        worker_pids: the processes of the workers, by the worker's number.
    """
    host = board.read_memory_mb()
    if host is None:
        return None
    total_mb, available_mb = host
    pids = {"supervisor": os.getpid()}
    for worker, pid in worker_pids.items():
        pids[f"vision.{worker}"] = pid
        cameras = board.list_children(pid)
        pids |= {f"vision.{worker}.camera.{n}": child for n, child in enumerate(cameras)}
    rss = {name: board.read_rss_mb(pid) for name, pid in pids.items()}
    return MemoryHealth(
        total_mb=round(total_mb),
        available_mb=round(available_mb),
        rss_mb={name: round(mb, 1) for name, mb in rss.items() if mb is not None},
    )


def build_throttling(flags: ThrottlingFlags) -> ThrottlingHealth:
    """Return the flags of the firmware."""
    return ThrottlingHealth(
        under_voltage=flags.under_voltage,
        frequency_capped=flags.frequency_capped,
        throttled=flags.throttled,
        soft_temp_limit=flags.soft_temperature_limit,
        under_voltage_occurred=flags.under_voltage_occurred,
        throttled_occurred=flags.throttled_occurred,
    )
