"""The machine that a benchmark ran on, in one line."""

import os
import platform
from pathlib import Path

from edged.host.board import Board

_BUSY_LOAD_SHARE = 0.25


def describe_machine() -> str:
    """Return board or processor, number of cores, system and Python."""
    name = Board().read_model()
    if name == platform.machine():
        name = _read_processor() or name
    cores = len(os.sched_getaffinity(0))
    return f"{name}, {cores} cores, {platform.platform()}, Python {platform.python_version()}"


def list_remarks() -> tuple[str, ...]:
    """Return what makes this machine's figures doubtful now."""
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    remarks = []
    if load > _BUSY_LOAD_SHARE * cores:
        remarks.append(
            f"the machine was busy at the beginning (load {load:.1f} on {cores} cores): compare ratios, not times"
        )
    return tuple(remarks)


def _read_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next(
        (v.strip() for k, _, v in (x.partition(":") for x in lines) if k.strip() == "model name"),
        "",
    )
