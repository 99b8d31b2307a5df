"""The client against a real mosquitto."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edged.client import (
    EdgedClient,
    LinkDown,
    LinkUp,
    MqttSettings,
    TlsSettings,
    TopicRefused,
)
from edged.errors import PublishError
from support.broker import Broker, free_port, make_certificates, running_broker
from support.followers import FollowingClient
from support.mqtt_device import UP_TOPIC, MqttDevice, mqtt_settings
from support.subscriber import publish_message
from support.waiting import wait_for

PROTOCOLS = ("5", "3.1.1")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


def settings(port: int, **changes: Any) -> MqttSettings:
    fields: dict[str, Any] = {"host": "127.0.0.1", "port": port, "max_retry_s": 0.3}
    return MqttSettings(**(fields | changes))


class TakingClient(FollowingClient):
    """A client whose events can be awaited."""

    def await_events(self, *ids: str) -> None:
        """Take notices until so many events were taken, and compare their ids."""

        def find() -> list[str]:
            found = [body["id"] for body in self.bodies() if body["schema"] == "edged.event/1"]
            return found if len(found) >= len(ids) else []

        assert wait_for(find, state=lambda: self.taken) == list(ids)


def publish_events(device: MqttDevice, count: int = 1) -> None:
    """Publish events, and wait until the broker has them."""
    device.run_until(device.is_connected)
    for _ in range(count):
        device.publish_event()
    device.run_until(device.is_drained)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_client_goes_on_after_a_broker_restart(
    broker: Broker, tmp_path: Path, protocol: str
) -> None:
    with (
        TakingClient(settings(broker.port, protocol=protocol)) as client,
        MqttDevice(tmp_path, mqtt_settings(broker.port)) as device,
    ):
        client.await_notice(LinkUp)
        publish_events(device)
        client.await_events("s1-1")
        broker.stop()
        assert "127.0.0.1" in client.await_notice(LinkDown).reason
        broker.start()
        # With 3.1.1 a broker cannot be asked to keep a session for a while: only a client with an id of its own has one.
        assert client.await_notice(LinkUp, 2).is_resumed is (protocol == "5")
        publish_events(device)
        client.await_events("s1-1", "s1-2")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_broker_keeps_what_arrives_while_a_program_with_an_id_does_not_run(
    broker: Broker, tmp_path: Path, protocol: str
) -> None:
    mine = settings(broker.port, client_id="recorder", protocol=protocol)
    with TakingClient(mine) as client:
        assert not client.await_notice(LinkUp).is_resumed
    with MqttDevice(tmp_path, mqtt_settings(broker.port)) as device:
        publish_events(device, 3)
    with TakingClient(mine) as client:
        assert client.await_notice(LinkUp).is_resumed
        client.await_events("s1-1", "s1-2", "s1-3")


def test_the_broker_forgets_a_program_without_an_id(broker: Broker) -> None:
    with TakingClient(settings(broker.port)) as client:
        client.await_notice(LinkUp)
    same = settings(broker.port, client_id=client._connection._client_id)
    with TakingClient(same) as client:
        assert not client.await_notice(LinkUp).is_resumed


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_tls_with_a_client_certificate(tmp_path: Path, protocol: str) -> None:
    certificates = make_certificates(tmp_path / "tls")
    tls = TlsSettings(
        ca=certificates.ca, cert=certificates.client_cert, key=certificates.client_key
    )
    with running_broker(Broker(tmp_path / "broker", tls=certificates)) as broker:
        publisher = mqtt_settings(broker.port, tls=tls)
        with (
            TakingClient(settings(broker.port, tls=tls, protocol=protocol)) as client,
            MqttDevice(tmp_path, publisher) as device,
        ):
            client.await_notice(LinkUp)
            publish_events(device)
            client.await_events("s1-1")


def test_a_wrong_password_is_a_reason(tmp_path: Path) -> None:
    with running_broker(Broker(tmp_path / "broker", passwords={"viewer": "right"})) as broker:
        password = tmp_path / "password"
        password.write_text("wrong\n")
        login = settings(broker.port, username="viewer", password_file=password)
        with TakingClient(login) as client:
            reason = client.await_notice(LinkDown).reason
            assert "Not authorized" in reason or "user name or password" in reason
            password.write_text("right\n")
            client.await_notice(LinkUp)


def test_a_missing_password_file_is_an_error_at_once(tmp_path: Path) -> None:
    login = settings(free_port(), username="viewer", password_file=tmp_path / "none")
    with pytest.raises(PublishError, match="password_file"), TakingClient(login):
        pass


def test_no_broker_is_a_reason_and_no_end() -> None:
    with TakingClient(settings(free_port())) as client:
        assert "refused" in client.await_notice(LinkDown).reason.lower()
        client.await_notice(LinkDown, 2)


def test_a_refused_subscription_is_a_notice(tmp_path: Path) -> None:
    options = Broker(tmp_path / "broker", allowed_topic_filter="edged/v1/+/up/health")
    with running_broker(options) as broker, TakingClient(settings(broker.port)) as client:
        refused = client.await_notice(TopicRefused)
        assert refused.topic_filter == "edged/v1/+/up/#"


def test_a_program_that_leaves_does_not_wait_for_a_host_that_does_not_answer() -> None:
    """With a time limit of two minutes for a connection, this test would run into its own."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        nobody = settings(port, tls=TlsSettings(insecure=True), connect_timeout_s=120)
        with EdgedClient(nobody) as client:
            accepted, _ = silent.accept()
            assert client.receive(0.1) is None
        accepted.close()


def test_a_broker_that_freezes_is_noticed(broker: Broker) -> None:
    with TakingClient(settings(broker.port, keepalive_s=5)) as client:
        client.await_notice(LinkUp)
        broker.freeze()
        client.await_notice(LinkDown)
        broker.thaw()
        client.await_notice(LinkUp, 2)


def test_a_certificate_of_another_authority_is_a_reason(tmp_path: Path) -> None:
    mine, other = make_certificates(tmp_path / "mine"), make_certificates(tmp_path / "other")
    with running_broker(Broker(tmp_path / "broker", tls=mine)) as broker:
        tls = TlsSettings(ca=other.ca, cert=mine.client_cert, key=mine.client_key)
        with TakingClient(settings(broker.port, tls=tls)) as client:
            assert "certificate was not accepted" in client.await_notice(LinkDown).reason


def test_only_the_devices_and_topics_asked_for(broker: Broker) -> None:
    with TakingClient(settings(broker.port), devices=["a"], topics=["health", "gap"]) as client:
        client.await_notice(LinkUp)
        for topic in ("edged/v1/b/up/health", "edged/v1/a/up/info", "edged/v1/a/up/gap"):
            publish_message(broker.port, topic, b"{}")
        notice = wait_for(lambda: client.receive(0.5))
        assert getattr(notice, "topic", "") == "edged/v1/a/up/gap"


def test_a_program_that_leaves_ends_at_once(broker: Broker) -> None:
    client = TakingClient(settings(broker.port))
    with client:
        client.await_notice(LinkUp)
        publish_message(broker.port, f"{UP_TOPIC}/gap", b"{}")
    assert not client._connection._thread.is_alive()
