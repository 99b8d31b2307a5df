"""What systemd is told, through systemd-python's sd_notify; silent where no service manager listens."""

import os
from collections.abc import Callable

from edged.errors import EdgedError


class Notifier:
    """The service's voice to its service manager."""

    def __init__(self) -> None:
        self._send = _make_sender()

    def notify_ready(self, status: str) -> None:
        """Started: the first verdict on the pipeline is known."""
        self._send(f"READY=1\nSTATUS={status}")

    def notify_reloading(self, monotonic_ns: int) -> None:
        """A SIGHUP is being carried out; `ready` ends it. The time is what Type=notify-reload asks for."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns // 1000}")

    def notify_stopping(self, within_s: float) -> None:
        """The end has begun, and may take `within_s`: else a process that TimeoutStopSec= finds still there is killed."""
        self._send(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={int(within_s * 1e6)}")

    def notify_status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={text}")

    def notify_watchdog(self) -> None:
        """A sign of progress."""
        self._send("WATCHDOG=1")


def watchdog_interval_s() -> float | None:
    """How often systemd wants a sign: half of WatchdogSec; None if it does not watch this process."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    if not usec.isdigit() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(usec) / 2_000_000


def is_under_journal() -> bool:
    """Whether standard error goes to the journal, so that structured fields are worth sending."""
    return "JOURNAL_STREAM" in os.environ


def _make_sender() -> Callable[[str], object]:
    if "NOTIFY_SOCKET" not in os.environ:
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
