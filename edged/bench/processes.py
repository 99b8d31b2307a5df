"""Readings of other processes: CPU time and memory, from the kernel."""

import time
from collections.abc import Mapping
from pathlib import Path

from edged.bench.run_values import MemoryUse
from edged.clock import NS_PER_S
from edged.host.board import Board

_KIB_PER_MIB = 1024
_CPU_CLOCK_OF_PROCESS = (
    2  # clock_getcpuclockid(3): CPUCLOCK_SCHED, of all threads, those that ended included
)


def list_processes(supervisor_pid: int) -> dict[str, int]:
    """Return the ids of the daemon's processes: ``supervisor``, and its children as ``vision.0`` and so on."""
    children = Board().list_children(supervisor_pid)
    return {"supervisor": supervisor_pid} | {f"vision.{i}": pid for i, pid in enumerate(children)}


def read_cpu_s(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU time of each process since its start, in seconds; processes that have ended are left out."""
    spent = {}
    for name, pid in pids.items():
        try:
            spent[name] = time.clock_gettime_ns((~pid << 3) | _CPU_CLOCK_OF_PROCESS) / NS_PER_S
        except OSError:
            continue
    return spent


def read_memory(pids: Mapping[str, int]) -> dict[str, MemoryUse]:
    """Return the memory of each process; processes that have ended are left out."""
    memory = {}
    for name, pid in pids.items():
        try:
            memory[name] = parse_rollup(Path(f"/proc/{pid}/smaps_rollup").read_text())
        except (OSError, ValueError):
            continue
    return memory


def parse_rollup(text: str) -> MemoryUse:
    """Parse the content of ``/proc/PID/smaps_rollup``.

    Raises:
        ValueError: a line is missing.
    """
    kib = {words[0]: int(words[1]) for line in text.splitlines() if len(words := line.split()) == 3}  # noqa: PLR2004 (name, number, unit)
    try:
        return MemoryUse(rss_mb=kib["Rss:"] / _KIB_PER_MIB, pss_mb=kib["Pss:"] / _KIB_PER_MIB)
    except KeyError as error:
        raise ValueError(f"smaps_rollup has no line {error.args[0]}") from None
