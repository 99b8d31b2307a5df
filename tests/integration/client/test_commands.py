"""Commands of the client to a real daemon."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.client import EdgedClient, LinkUp, MqttSettings, Reply
from edged.errors import RemoteCommandError
from support.broker import Broker, free_port, running_broker
from support.daemon import DEVICE_NAME, DaemonProcess
from support.followers import FollowingClient
from support.subscriber import publish_message
from support.waiting import wait_for

CONFIG = """
[mqtt]
host = "127.0.0.1"
port = {port}
max_retry_s = 0.3
[model]
runtime = "simulated"
[commands]
enabled = true
[camera.front]
source = "synthetic"
fps = 10
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


@pytest.fixture
def daemon(broker: Broker, tmp_path: Path) -> Iterator[DaemonProcess]:
    with DaemonProcess(tmp_path, CONFIG.format(port=broker.port)) as daemon:
        daemon.await_log("frames arrive")
        yield daemon


def settings(broker: Broker, protocol: str = "5") -> MqttSettings:
    return MqttSettings(
        host="127.0.0.1",
        port=broker.port,
        protocol="5" if protocol == "5" else "3.1.1",
        max_retry_s=0.3,
    )


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_command_is_executed_and_answered(broker: Broker, protocol: str) -> None:
    with FollowingClient(settings(broker, protocol)) as client:
        reply = client.execute(DEVICE_NAME, "detect", {"camera": "front", "on": False})
        assert (reply.ok, reply.error, reply.verb) == (True, None, "detect")
        wait_for(lambda: client.take_all() and not is_detecting(client), state=client.take_all)


def is_detecting(client: EdgedClient) -> bool:
    switches = client.devices[DEVICE_NAME].switches if client.devices else {}
    return "front" not in switches or switches["front"].detect


@pytest.mark.usefixtures("daemon")
def test_a_refusal_is_a_reply(broker: Broker) -> None:
    with EdgedClient(settings(broker), topics=()) as client:
        unknown = client.execute(DEVICE_NAME, "dance")
        wrong = client.execute(DEVICE_NAME, "detect", {"camera": "front"})
        missing = client.execute(DEVICE_NAME, "detect", {"camera": "back", "on": True})
    codes = [reply.error and reply.error.code for reply in (unknown, wrong, missing)]
    assert codes == ["unknown_verb", "invalid_args", "not_found"]


@pytest.mark.usefixtures("daemon")
def test_a_reply_on_a_topic_of_ones_own(broker: Broker) -> None:
    """As a user that may not read up/reply: it subscribes to another device's."""
    mine = "replies/me"
    with EdgedClient(settings(broker), devices=["other"], topics=(), response_topic=mine) as client:
        assert client.execute(DEVICE_NAME, "reload").ok


@pytest.mark.usefixtures("daemon")
def test_broken_replies_of_others_do_not_end_the_client(broker: Broker) -> None:
    topic = f"edged/v1/{DEVICE_NAME}/up/reply"
    with FollowingClient(settings(broker)) as client:
        client.await_notice(LinkUp)
        for payload in (b"{", b"\xff", b"[" * 100_000, b'{"schema":"edged.reply/1","id":"x"}'):
            publish_message(broker.port, topic, payload)
        assert client.execute(DEVICE_NAME, "reload").ok


def test_a_command_over_a_broker_restart_is_executed_once(
    broker: Broker, daemon: DaemonProcess
) -> None:
    replies: list[Reply] = []
    with EdgedClient(settings(broker), topics=()) as client:
        assert client.execute(DEVICE_NAME, "reload").ok
        broker.stop()
        commanding = threading.Thread(
            target=lambda: replies.append(client.execute(DEVICE_NAME, "reload"))
        )
        commanding.start()
        broker.start()
        commanding.join(30)
    assert [reply.ok for reply in replies] == [True]
    assert daemon.log_text.count("command reload (") == 2


def test_no_reply_is_an_error_that_says_why() -> None:
    nowhere = MqttSettings(host="127.0.0.1", port=free_port())
    with (
        EdgedClient(nowhere, topics=()) as client,
        pytest.raises(RemoteCommandError, match="porch: command reload: it was not sent"),
    ):
        client.execute("porch", "reload", timeout_s=0.5)


def test_a_device_that_does_not_exist_does_not_answer(broker: Broker) -> None:
    with (
        EdgedClient(settings(broker), topics=()) as client,
        pytest.raises(RemoteCommandError, match="no reply within 1 s"),
    ):
        client.execute("nowhere", "reload", timeout_s=1)
