"""Notifications to systemd through systemd-python's sd_notify; silent without a service manager."""

import os
from collections.abc import Callable

from edged.errors import EdgedError


class Notifier:
    """The service's notifications to its service manager.

    Raises:
        EdgedError: systemd expects notifications, but systemd-python is not installed.
    """

    def __init__(self) -> None:
        self._send = _make_sender()

    def notify_ready(self, status: str) -> None:
        """Report that the service has started, or that its reload has ended, with a status line."""
        self._send(f"READY=1\nSTATUS={status}")

    def notify_reloading(self, monotonic_ns: int) -> None:
        """Report that a reload has begun, at `monotonic_ns`, as Type=notify-reload requires; `notify_ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns // 1000}")

    def notify_stopping(self, within_s: float) -> None:
        """Report that the service is stopping, and ask for `within_s` seconds, if TimeoutStopSec= is shorter."""
        self._send(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={int(within_s * 1e6)}")

    def notify_watchdog(self) -> None:
        """Report progress to systemd's watchdog."""
        self._send("WATCHDOG=1")


def watchdog_interval_s() -> float | None:
    """Return the interval at which systemd expects `Notifier.notify_watchdog`: half of WatchdogSec; None without a watchdog."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    if not usec.isdigit() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(usec) / 2_000_000


def is_service() -> bool:
    """Return whether systemd runs this process, and starts it again when it has ended."""
    return "NOTIFY_SOCKET" in os.environ


def is_under_journal() -> bool:
    """Return whether standard error goes to the journal, which takes structured fields."""
    return "JOURNAL_STREAM" in os.environ


def _make_sender() -> Callable[[str], object]:
    if not is_service():
        return lambda _: None
    try:
        from systemd import daemon
    except ImportError:
        raise EdgedError(
            "systemd expects notifications (NOTIFY_SOCKET is set) but systemd-python is not installed: "
            "install python3-systemd, or edged[systemd], or use Type=exec"
        ) from None
    notify: Callable[[str], object] = daemon.notify
    return notify
