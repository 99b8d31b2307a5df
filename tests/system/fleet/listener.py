"""A recorder of all messages of the fleet, over TLS with a client certificate."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from system.fleet.authority import Certificate
from system.networks import Network

Body = dict[str, Any]

_POLL_S = 0.1
_ALIVE_S = 20


class FleetListener:
    """mosquitto_sub on the controller's side of the network, which writes all messages to a file."""

    def __init__(
        self,
        network: Network,
        address: str,
        authority: Path,
        certificate: Certificate,
        log_file: Path,
    ) -> None:
        """Connect nothing yet: entering the context does.

        Args:
            network: the broker's network.
            address: the broker's address.
            authority: certificate of the authority.
            certificate: the listener's own certificate.
            log_file: the file.
        """
        self._log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._network = network
        self._connect_argv = [
            "mosquitto_sub", "-V", "5", "-h", address, "-p", "8883", "--cafile", str(authority),
            "--cert", str(certificate.cert), "--key", str(certificate.key), "-k", str(_ALIVE_S), "-q", "1", "-F", "%j",
        ]  # fmt: skip

    def __enter__(self) -> Self:
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._network.enter_argv(), *self._connect_argv, "-t", "edged/v1/+/up/#"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()

    def position(self) -> int:
        """Return the present position, for `after`."""
        return self._log_file.stat().st_size

    def retained(self, device: str) -> list[str]:
        """Return the topics of a device with a retained message."""
        command = [*self._connect_argv, "-t", f"edged/v1/{device}/#", "--retained-only", "-W", "3"]
        output = self._network.run(*command, check=False).stdout
        return [json.loads(line)["topic"] for line in output.splitlines() if line[:1] == "{"]

    def messages(self, device: str, topic: str, *, after: int = 0) -> list[Body]:
        """Return the messages of a device whose topic ends with this, oldest first."""
        with self._log_file.open("rb") as file:
            file.seek(after)
            messages = [
                json.loads(line) for line in file if line.endswith(b"}\n") and line[:1] == b"{"
            ]
        return [
            json.loads(one["payload"])
            for one in messages
            if one["topic"].startswith(f"edged/v1/{device}/up/")
            and one["topic"].endswith(topic)
            and one["payload"]
        ]

    def await_message(
        self,
        device: str,
        topic: str,
        matches: Callable[[Body], object] = lambda _: True,
        *,
        after: int = 0,
        timeout_s: float = 60.0,
    ) -> Body:
        """Wait for a message that matches."""
        deadline = time.monotonic() + timeout_s
        while True:
            messages = self.messages(device, topic, after=after)
            found = next((body for body in messages if matches(body)), None)
            if found is not None:
                return found
            assert time.monotonic() < deadline, (
                f"{device} {topic}: {messages[-3:]}\n{self._log_tail()}"
            )
            time.sleep(_POLL_S)

    def _log_tail(self) -> str:
        return self._log_file.read_text("utf-8", "replace")[-1000:]
