"""Other clients of the broker: a subscriber that keeps all messages, and a function that publishes one."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import paho.mqtt.client as mqtt
import paho.mqtt.publish
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def publish_message(port: int, topic: str, payload: bytes, *, retain: bool = False) -> None:
    """Publish one message with QoS 1; the broker has it when this returns.

    Args:
        port: the broker's port.
        topic: topic of the message.
        payload: its payload.
        retain: whether the broker retains it.
    """
    paho.mqtt.publish.single(
        topic,
        payload,
        qos=1,
        retain=retain,
        hostname="127.0.0.1",
        port=port,
        protocol=mqtt.MQTTv5,
    )


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One received message, and when it came, monotonic."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    received_ns: int

    @property
    def json(self) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(self.payload)
        return decoded


class MqttSubscriber:
    """A paho client that subscribes with QoS 1 before `__enter__` returns; the broker keeps its session over a restart."""

    def __init__(
        self, port: int, topics: str = "edged/#", *, user: str = "", password: str = ""
    ) -> None:
        self._port = port
        self._topics = topics
        self._received: list[ReceivedMessage] = []
        self._arrived = threading.Condition()
        self._subscribed = threading.Event()
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="subscriber", protocol=mqtt.MQTTv5
        )
        client.reconnect_delay_set(1, 1)
        if user:
            client.username_pw_set(user, password)
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = self._on_message
        self._client = client

    def __enter__(self) -> Self:
        keep = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's, untyped
        keep.SessionExpiryInterval = 600
        self._client.connect("127.0.0.1", self._port, clean_start=False, properties=keep)
        self._client.loop_start()
        assert self._subscribed.wait(10), "the subscriber cannot subscribe"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()

    def messages(self, topic: str = "") -> list[ReceivedMessage]:
        """Return the messages so far whose topic ends with `topic`."""
        with self._arrived:
            return [m for m in self._received if m.topic.endswith(topic)]

    def payloads(self, topic: str = "") -> list[dict[str, Any]]:
        """Return the payloads of those messages, decoded."""
        return [m.json for m in self.messages(topic)]

    def wait_until(self, condition: Callable[[Self], bool], timeout_s: float = 15) -> None:
        """Wait until `condition` is true of this subscriber."""
        deadline = time.monotonic() + timeout_s
        while not condition(self):
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"not received in {timeout_s} s; received: {self.messages()[-20:]}"
            with self._arrived:
                self._arrived.wait(min(left_s, 0.1))

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(self._topics, qos=1)

    def _on_message(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        received = ReceivedMessage(
            message.topic,
            bytes(message.payload),
            message.qos,
            message.retain,
            time.monotonic_ns(),
        )
        with self._arrived:
            self._received.append(received)
            self._arrived.notify_all()
