"""An MQTT broker on loopback, in a process of its own.

The demo's broker is amqtt (``python -m edged.demo.broker PORT``), which is pure Python and needs no system package. It speaks MQTT
3.1.1 only; use mosquitto or another broker for a fleet. The benchmark uses mosquitto if it is installed.
"""

import asyncio
import logging
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from edged.clock import Clock, Deadline
from edged.demo.run_folder import ended_with_parent
from edged.errors import EdgedError

HOST = "127.0.0.1"
_START_TIMEOUT_S = 15.0
_POLL_S = 0.05


def amqtt_command(port: int) -> list[str]:
    """Return the command that runs amqtt on a port."""
    return [sys.executable, "-m", "edged.demo.broker", str(port)]


def fastest_broker_command(folder: Path, port: int) -> list[str]:
    """Return the command that runs mosquitto on a port, or amqtt if mosquitto is not installed.

    Args:
        folder: an existing folder, for mosquitto's configuration.
        port: the TCP port, on loopback.
    """
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not program:
        return amqtt_command(port)
    config = folder / "mosquitto.conf"
    # As root it would become another user, and Linux then forgets that it is to end with its parent.
    config.write_text(
        f"listener {port} {HOST}\nallow_anonymous true\nset_tcp_nodelay true\nuser root\n"
    )
    return [program, "-c", str(config)]


class LoopbackBroker:
    """A broker process, as a context manager: it accepts connections inside."""

    def __init__(
        self,
        clock: Clock,
        command: Callable[[int], list[str]] = amqtt_command,
        *,
        guard_fd: int | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            clock: the clock of the time limit.
            command: returns the command that runs a broker on a port.
            guard_fd: a descriptor that the process inherits, as from `run_folder`.
        """
        self._clock = clock
        self._guard_fds = () if guard_fd is None else (guard_fd,)
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        """TCP port, from the start on."""

    def __enter__(self) -> Self:
        """Start the broker and wait until it accepts connections.

        Raises:
            EdgedError: the broker exited, or did not listen in time.
        """
        self.port = _free_port()
        self._process = subprocess.Popen(
            ended_with_parent(self._command(self.port)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=self._guard_fds,
        )
        try:
            is_ready = self._is_ready(self._process)
        except BaseException:  # Ctrl-C
            _kill(self._process)
            raise
        if not is_ready:
            log = _kill(self._process)
            raise EdgedError(
                f"the demo's broker did not start on {HOST}:{self.port}; its log: {log[-500:]}"
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            _kill(self._process)

    @property
    def pid(self) -> int:
        """Id of the broker's process, while it runs.

        Raises:
            EdgedError: the broker was not started.
        """
        if self._process is None:
            raise EdgedError("the broker was not started")
        return self._process.pid

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait for the first connection that succeeds; return False if there is none in time."""
        deadline = Deadline(self._clock, _START_TIMEOUT_S)
        while process.poll() is None and not deadline.expired:
            with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1.0):
                return True
            self._clock.sleep(_POLL_S)
        return False


def _kill(process: subprocess.Popen[bytes]) -> str:
    """Kill a process; return its standard error."""
    process.kill()
    _, log = process.communicate()
    return log.decode(errors="replace")


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


async def _serve(port: int) -> None:
    from amqtt.broker import Broker

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
    )
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(_serve(int(sys.argv[1])))
