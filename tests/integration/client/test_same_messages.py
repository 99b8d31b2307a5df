"""`edged tail`, `edged.client` and mosquitto_sub see the same messages, whatever happens to the broker and the daemon."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edged.client import LinkDown, LinkUp, MqttSettings
from support.broker import Broker, free_port, running_broker
from support.daemon import DEVICE_NAME, DaemonProcess
from support.followers import (
    Body,
    FollowerProcess,
    FollowingClient,
    edged_tail,
    mosquitto_sub,
    numbered,
    plain_bodies,
    tail_bodies,
)
from support.seq_account import account_for
from support.waiting import wait_for

CONFIG = """
[mqtt]
host = "127.0.0.1"
port = {port}
max_retry_s = 0.3
[model]
runtime = "simulated"
[camera.front]
source = "synthetic"
fps = 20
every_s = 0.4
stay_s = 1.5
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


@pytest.fixture
def config(broker: Broker) -> str:
    return CONFIG.format(port=broker.port)


def client_of(broker: Broker) -> FollowingClient:
    return FollowingClient(MqttSettings(host="127.0.0.1", port=broker.port, max_retry_s=0.3))


def has_ended(bodies: list[Body]) -> bool:
    """Return whether the last status is the one of an orderly end."""
    statuses = [body["status"] for body in bodies if body["schema"] == "edged.status/1"]
    return statuses[-2:] == ["stopping", "offline"]


def test_over_a_broker_restart_and_a_kill_of_the_daemon(
    broker: Broker, config: str, tmp_path: Path
) -> None:
    with (
        mosquitto_sub(broker.port, tmp_path) as plain,
        edged_tail(broker.port, tmp_path, "--json") as tail,
        client_of(broker) as client,
    ):
        views: list[Callable[[], list[Body]]] = [
            lambda: plain_bodies(plain),
            lambda: tail_bodies(tail),
            client.bodies,
        ]
        client.await_notice(LinkUp)
        wait_for(lambda: "link_up" in "".join(tail.lines()))
        wait_for(lambda: broker.log.count("Sending SUBACK to") == 3)
        with DaemonProcess(tmp_path, config) as daemon:
            await_new_events(views)
            broker.stop()
            client.await_notice(LinkDown)
            broker.start()
            await_new_events(views)
            daemon.send_signal(signal.SIGKILL)
            daemon.process.wait()
        with DaemonProcess(tmp_path, config):
            await_new_events(views)
        for view in views:
            wait_for(lambda view=view: has_ended(view()), state=view)  # type: ignore[misc]
        expected = numbered(plain_bodies(plain))
        assert numbered(tail_bodies(tail)) == expected
        assert numbered(client.bodies()) == expected
        assert len(tail_bodies(tail)) > len(expected), "statuses and health too"
        for bodies in (tail_bodies(tail), client.bodies()):
            numbers = [body["seq"] for body in bodies if body["seq"]]
            assert len(numbers) == len(set(numbers)), "duplicates are left out"
        assert client.devices[DEVICE_NAME].numbers.missing == ()
    account = account_for([{"payload": json.dumps(body)} for body in expected])
    assert account.problems == []
    assert len({body["session"] for body in expected}) == 2


def await_new_events(views: list[Callable[[], list[Body]]], count: int = 3) -> None:
    """Wait until each follower has received so many further numbered messages."""
    for view in views:
        before = len(numbered(view()))
        wait_for(lambda view=view, n=before: len(numbered(view())) >= n + count, state=view)  # type: ignore[misc]


def test_tail_shows_lines_and_ends_on_ctrl_c(broker: Broker, config: str, tmp_path: Path) -> None:
    with edged_tail(broker.port, tmp_path, "--device", DEVICE_NAME) as tail:
        wait_for(lambda: "* connected" in tail.lines(), state=tail.lines)
        with DaemonProcess(tmp_path, config):
            for text in (": online", ": edged ", " + ", " - ", ": health ok", "1 "):
                wait_for(lambda text=text: text in "\n".join(tail.lines()), state=tail.lines)  # type: ignore[misc]
            broker.stop()
            wait_for(lambda: "* not connected" in "\n".join(tail.lines()), state=tail.lines)
            broker.start()
            wait_for(lambda: tail.lines().count("* connected") == 2, state=tail.lines)
        wait_for(lambda: tail.lines()[-1].endswith(": offline"), state=tail.lines)
        tail.process.send_signal(signal.SIGINT)
        assert tail.process.wait(10) == 130


def test_the_time_of_a_tail_is_over(broker: Broker, tmp_path: Path) -> None:
    assert ended(edged_tail(broker.port, tmp_path, "--seconds", "1.5")) == 0
    assert ended(edged_tail(free_port(), tmp_path, "--seconds", "0.5", "--json")) == 1
    *_, last = (tmp_path / "tail--seconds0.5--json.txt").read_text().split("\n{", 1)
    assert "no connection to mqtt://127.0.0.1" in last


def ended(follower: FollowerProcess) -> int:
    with follower:
        return follower.process.wait(20)
