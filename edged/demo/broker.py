"""An MQTT broker on loopback, in a process of its own.

The demo's is amqtt (``python -m edged.demo.broker PORT``): pure Python, so that it needs nothing from the system. It speaks MQTT
3.1.1 only; a fleet wants mosquitto or its like, and so does the benchmark where it is installed.
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

from edged.clock import Clock, Deadline
from edged.errors import EdgedError

HOST = "127.0.0.1"
_START_TIMEOUT_S = 15.0
_POLL_S = 0.05


def amqtt_command(port: int) -> list[str]:
    """The command that runs amqtt."""
    return [sys.executable, "-m", "edged.demo.broker", str(port)]


def fastest_broker_command(port: int) -> list[str]:
    """The command that runs mosquitto, if it is installed, else amqtt."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return [program, "-p", str(port)] if program else amqtt_command(port)


class LoopbackBroker:
    """Started on construction; ready when `await_ready` returns."""

    def __init__(self, clock: Clock, command: Callable[[int], list[str]] = amqtt_command) -> None:
        self._clock = clock
        self.port = _free_port()
        self._process = subprocess.Popen(
            command(self.port),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def await_ready(self) -> None:
        """Return once it takes connections.

        Raises:
            EdgedError: it ended, or did not listen in time.
        """
        deadline = Deadline(self._clock, _START_TIMEOUT_S)
        while self._process.poll() is None and not deadline.expired:
            with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1.0):
                return
            self._clock.sleep(_POLL_S)
        said = self.stop()
        raise EdgedError(f"the demo's broker did not start on {HOST}:{self.port}: {said[-500:]}")

    def stop(self) -> str:
        """End it; returns what it wrote to standard error."""
        self._process.kill()
        _, said = self._process.communicate()
        return said.decode(errors="replace")


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
