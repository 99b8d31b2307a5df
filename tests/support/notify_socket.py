"""A service manager that writes down when it was notified."""

import socket
import threading
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

_MAX_BYTES = 4096


class NotifySocket:
    """Receives a daemon's notifications from entering to leaving."""

    def __init__(self, folder: Path, *, watchdog_s: float) -> None:
        """Open nothing yet.

        Args:
            folder: folder for the socket.
            watchdog_s: the watchdog's time, as in WatchdogSec.
        """
        self._path = folder / "notify"
        self._watchdog_s = watchdog_s
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._beats_s: list[float] = []

    def __enter__(self) -> Self:
        self._socket.bind(str(self._path))
        threading.Thread(target=self._receive, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that the daemon gets."""
        return {
            "NOTIFY_SOCKET": str(self._path),
            "WATCHDOG_USEC": str(int(self._watchdog_s * 1e6)),
        }

    def longest_wait_s(self, since_s: float) -> float:
        """Return the longest time without a beat since then, monotonic seconds, until now."""
        beats_s = [at_s for at_s in list(self._beats_s) if at_s > since_s]
        times_s = [since_s, *beats_s, time.monotonic()]
        return max(later - earlier for earlier, later in pairwise(times_s))

    def _receive(self) -> None:
        while notice := self._socket.recv(_MAX_BYTES):
            if b"WATCHDOG=1" in notice:
                self._beats_s.append(time.monotonic())
