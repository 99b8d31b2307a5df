"""Notifications to systemd, over a real datagram socket."""

import os
import socket
from pathlib import Path

import pytest

from edged.host import systemd


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    pytest.importorskip("systemd.daemon", reason="systemd-python is not installed")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(tmp_path / "notify"))
    sock.settimeout(2)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    return sock


def test_every_notification_reaches_the_socket(listener: socket.socket) -> None:
    with listener:
        notifier = systemd.Notifier()
        notifier.notify_ready("running")
        notifier.notify_reloading(5_000_000)
        notifier.notify_watchdog()
        notifier.notify_stopping(35.3)
        notifications = [listener.recv(200).decode() for _ in range(4)]
    assert notifications == [
        "READY=1\nSTATUS=running",
        "RELOADING=1\nMONOTONIC_USEC=5000",
        "WATCHDOG=1",
        "STOPPING=1\nEXTEND_TIMEOUT_USEC=35300000",
    ]


def test_it_is_silent_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd.Notifier().notify_ready("running")


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [
        ("20000000", "our own", 10.0),
        ("20000000", None, 10.0),
        ("20000000", "1", None),
        (None, None, None),
        ("soon", None, None),
    ],
)
def test_the_watchdogs_interval(
    monkeypatch: pytest.MonkeyPatch, usec: str | None, pid: str | None, expected: float | None
) -> None:
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value.replace("our own", str(os.getpid())))
    assert systemd.watchdog_interval_s() == expected
