"""A process that gets a tenth of a processor."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_SHARE = 0.1


@contextmanager
def starved(pid: int, period_s: float = 0.1) -> Iterator[None]:
    """Let a process run only in a tenth of each period, as its control group's quota would (``cpu.max`` has periods of 0.1 s)."""
    stopping = threading.Event()

    def run() -> None:
        with suppress(ProcessLookupError):
            while not stopping.is_set():
                os.kill(pid, signal.SIGSTOP)
                stopping.wait((1 - _SHARE) * period_s)
                os.kill(pid, signal.SIGCONT)
                stopping.wait(_SHARE * period_s)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
