"""The scheduling of processes on this host: how long one waited for a processor, and whether it was kept from running.

The kernel counts the time that a runnable thread waits for a processor (``run_delay``, the second number in
``/proc/PID/task/TID/schedstat``; Documentation/scheduler/sched-stats.rst). Kernels without SCHED_INFO do not have the file.
"""

import os
from contextlib import suppress
from pathlib import Path

from edged.clock import NS_PER_S

_MAX_SCHEDSTAT_BYTES = 96
_WAITS_FOR_DISK = "D"
_OBSTACLES = {
    "T": "it was stopped by a signal",
    "t": "it was stopped by a debugger",
    _WAITS_FOR_DISK: "it waited for a disk or a device",
}
"""The states of proc(5) in which no process can make progress, whatever it computes."""


class ThreadWait:
    """A counter of the time that the thread which reads it first has waited for a processor; that thread alone reads it."""

    def __init__(self) -> None:
        self._descriptor: int | None = None

    def read_ns(self) -> int:
        """Return nanoseconds since the thread began; always 0 on a kernel that does not count them."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
            return int(os.pread(self._descriptor, _MAX_SCHEDSTAT_BYTES, 0).split()[1])
        except (OSError, IndexError):
            return 0

    def close(self) -> None:
        """Close the kernel's file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def read_waits_ns(pid: int) -> dict[str, int]:
    """Return how long each thread of a process has waited for a processor, nanoseconds; empty if that is not known."""
    waits_ns = {}
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError, IndexError):  # the thread has just ended
            waits_ns[thread.name] = int((thread / "schedstat").read_text().split()[1])
    return waits_ns


def read_main_wait_s(pid: int) -> float:
    """Return how long the main thread of a process has waited for a processor, seconds; 0 if that is not known."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / NS_PER_S
    except (OSError, IndexError):
        return 0.0


def find_obstacle(pid: int) -> str | None:
    """Return what keeps a process from running, whatever it computes, in words; None if nothing does, or it has ended."""
    return _OBSTACLES.get(_read_state(pid))


def waits_for_disk(pid: int) -> bool:
    """Return whether a process waits for a disk or a device, and cannot be interrupted."""
    return _read_state(pid) == _WAITS_FOR_DISK


def _read_state(pid: int) -> str:
    """Return the state of a process, one letter of proc(5); "" if it has ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "".join(status.rpartition(")")[2].split()[:1])
