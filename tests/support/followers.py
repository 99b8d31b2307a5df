"""The three ways to follow a device, side by side: mosquitto_sub, `edged tail` and `edged.client`."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from edged.client import EdgedClient, MqttSettings, Notice, Received
from edged.messaging.contract.header import encode
from support.waiting import wait_for

Body = dict[str, Any]


class FollowerProcess:
    """A program that prints what it receives into a file, one line each, until it is ended.

    Args:
        command: the program.
        output: the file for its standard output.
    """

    def __init__(self, command: Sequence[str], output: Path) -> None:
        self._command = command
        self.output = output

    def __enter__(self) -> Self:
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=file)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def lines(self) -> list[str]:
        """Return the complete lines so far."""
        lines = self.output.read_text("utf-8").splitlines(keepends=True)
        return [line.rstrip("\n") for line in lines if line.endswith("\n")]


def mosquitto_sub(port: int, folder: Path) -> FollowerProcess:
    """Return a mosquitto_sub whose session the broker keeps."""
    if shutil.which("mosquitto_sub") is None:
        pytest.skip("mosquitto_sub is not installed: apt-get install mosquitto-clients")
    session = ["-V", "mqttv5", "-c", "-i", "plain", "-x", "600", "-q", "1"]
    command = ["mosquitto_sub", "-p", str(port), *session, "-t", "edged/v1/+/up/#", "-F", "%t\t%p"]
    return FollowerProcess(command, folder / "mosquitto_sub.txt")


def edged_tail(port: int, folder: Path, *options: str) -> FollowerProcess:
    """Return an `edged tail`."""
    program = [sys.executable, "-m", "edged", "tail", "--host", "127.0.0.1", "--port", str(port)]
    return FollowerProcess([*program, *options], folder / f"tail{''.join(options)}.txt")


class FollowingClient(EdgedClient):
    """A client that remembers every notice that was taken."""

    def __init__(self, settings: MqttSettings, **options: Any) -> None:
        super().__init__(settings, **options)
        self.taken: list[Notice] = []

    def take_all(self) -> list[Notice]:
        """Take what waits, and return everything that was taken."""
        while (notice := self.receive(0.05)) is not None:
            self.taken.append(notice)
        return self.taken

    def await_notice(self, kind: type, count: int = 1) -> Any:
        """Take notices until so many of this kind were taken; return the last of them."""

        def find() -> list[Notice]:
            return [notice for notice in self.take_all() if isinstance(notice, kind)][count - 1 :]

        return wait_for(find, state=lambda: self.taken)[0]

    def bodies(self) -> list[Body]:
        """Return the messages that were taken, as JSON."""
        received = (notice for notice in self.take_all() if isinstance(notice, Received))
        return [json.loads(encode(notice.message)) for notice in received]


def plain_bodies(follower: FollowerProcess) -> list[Body]:
    """Return what mosquitto_sub has received, as JSON."""
    return [json.loads(line.partition("\t")[2]) for line in follower.lines()]


def tail_bodies(follower: FollowerProcess) -> list[Body]:
    """Return the messages that `edged tail --json` has printed."""
    printed = [json.loads(line) for line in follower.lines()]
    return [one["message"] for one in printed if one["kind"] == "message"]


def numbered(bodies: Sequence[Body]) -> list[Body]:
    """Return the messages with a number, each once, in the order of their first arrival."""
    unique = {(body["session"], body["seq"]): body for body in reversed(bodies) if body["seq"]}
    return list(reversed(unique.values()))
