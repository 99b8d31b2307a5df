"""A short session with the MQTT broker: connect, subscribe, publish, disconnect."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Self

try:
    from paho.mqtt import client as paho
    from paho.mqtt.enums import CallbackAPIVersion
    from paho.mqtt.properties import Properties
    from paho.mqtt.subscribeoptions import SubscribeOptions
except ImportError:
    paho = None

BROKER_ARGUMENTS: dict[str, dict[str, Any]] = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int"},
    "ca": {"type": "path"},
    "cert": {"type": "path"},
    "key": {"type": "path", "no_log": False},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "settle": {"type": "float", "default": 3},
}
_PORT, _TLS_PORT = 1883, 8883
_RESPONSE_TIMEOUT_S = 15.0
_MAX_TOPICS_PER_PACKET = 100
_MAX_HEAD_BYTES = 10
"""Bytes of a PUBLISH packet besides its topic and payload, at most: its type and length, and the lengths of its topic and properties."""
_MIN_FAILURE_CODE = 128
"""MQTT 5: reason codes from here on are failures."""


class BrokerError(Exception):
    """The broker cannot be reached, or refused something; the message gives the details."""


class BrokerSession:
    """A session with the broker, as a context manager.

    Attributes:
        payloads: the latest payload of each topic.
    """

    def __init__(self, params: dict[str, Any]) -> None:
        """Prepare the client; `__enter__` connects it.

        Raises:
            BrokerError: if paho-mqtt is missing.
        """
        if paho is None:
            raise BrokerError("paho-mqtt 2.1 or later must be installed where this module runs")
        self.payloads: dict[str, bytes] = {}
        self._changed = threading.Condition()
        self._connected = False
        self._connection_refusal = ""
        self._refusal_by_packet: dict[int, str] = {}
        self._topics: list[str] = []
        self._max_packet_bytes: int | None = None
        self._can_retain = True
        self._port = params["port"] or (_TLS_PORT if params["ca"] else _PORT)
        self._host = params["host"]
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if params["username"]:
            self._client.username_pw_set(params["username"], params["password"])
        if params["ca"]:
            self._client.tls_set(params["ca"], params["cert"], params["key"])
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            BrokerError: if the broker cannot be reached, or refuses the connection.
        """
        try:
            self._client.connect(self._host, self._port, clean_start=True)
        except (OSError, ValueError) as error:
            raise BrokerError(f"cannot connect to {self._host}:{self._port}: {error}") from None
        self._client.loop_start()
        self._await(lambda: self._connected, "did not respond")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def subscribe(self, topics: Iterable[str], settle_s: float) -> None:
        """Subscribe, and wait `settle_s` seconds for the retained messages.

        Raises:
            BrokerError: if the broker refuses a subscription, or does not respond.
        """
        with self._changed:
            self._topics = list(topics)
        for packet_id in self._send_subscriptions():
            self._await_acknowledgement(packet_id, "a subscription")
        time.sleep(settle_s)

    def publish_retained(self, topic: str, payload: bytes) -> None:
        """Publish a retained message, and wait until the broker has acknowledged it.

        Raises:
            BrokerError: if the broker does not accept the message, or does not respond.
        """
        self._check_limits(topic, payload)
        message = self._client.publish(topic, payload, qos=1, retain=True)
        self._await_acknowledgement(message.mid, topic)

    def wait_until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Return whether `condition` became true in time.

        Args:
            condition: is evaluated after every message.
            timeout_s: 0 waits without a limit.
        """
        with self._changed:
            return self._changed.wait_for(condition, timeout_s or None)

    def _check_limits(self, topic: str, payload: bytes) -> None:
        """Check that the broker takes a retained message; at one that it does not take it would end the connection.

        Raises:
            BrokerError: if it does not.
        """
        if not self._can_retain:
            raise BrokerError(f"the broker retains no messages: devices would miss {topic}")
        size = _MAX_HEAD_BYTES + len(topic.encode()) + len(payload)
        if self._max_packet_bytes is not None and size > self._max_packet_bytes:
            raise BrokerError(
                f"{topic}: {size} bytes are above the broker's limit of {self._max_packet_bytes} bytes for a packet"
            )

    def _send_subscriptions(self) -> list[int | None]:
        """Send the subscriptions, and return the ids of their packets."""
        size = _MAX_TOPICS_PER_PACKET
        parts = [self._topics[first : first + size] for first in range(0, len(self._topics), size)]
        return [
            self._client.subscribe([(name, SubscribeOptions(qos=1)) for name in part])[1]
            for part in parts
        ]

    def _await_acknowledgement(self, packet_id: int, what: str) -> None:
        """Wait for the broker's acknowledgement of a packet.

        Raises:
            BrokerError: if the acknowledgement is a refusal, or does not come in time.
        """
        self._await(lambda: packet_id in self._refusal_by_packet, f"did not acknowledge {what}")
        if refusal := self._refusal_by_packet[packet_id]:
            raise BrokerError(f"the broker refused {what}: {refusal}")

    def _await(self, condition: Callable[[], bool], failure: str) -> None:
        """Wait until `condition` is true; `failure` describes what the broker did not do in time.

        Raises:
            BrokerError: if the time is over, or the broker refuses the connection.
        """
        broker = f"{self._host}:{self._port}"
        with self._changed:
            if not self._changed.wait_for(
                lambda: condition() or self._connection_refusal, _RESPONSE_TIMEOUT_S
            ):
                raise BrokerError(f"{broker} {failure} within {_RESPONSE_TIMEOUT_S:g} s")
        if self._connection_refusal:
            raise BrokerError(f"{broker} refused the connection: {self._connection_refusal}")

    def _on_connect(
        self, _client: Any, _userdata: Any, _flags: Any, reason: Any, properties: Properties
    ) -> None:
        with self._changed:
            self._max_packet_bytes = getattr(properties, "MaximumPacketSize", None)
            self._can_retain = bool(getattr(properties, "RetainAvailable", 1))
            self._connected = not reason.is_failure
            self._connection_refusal = str(reason) if reason.is_failure else ""
            self._changed.notify_all()
        # The broker forgets the subscriptions when the connection is lost.
        if self._connected:
            self._send_subscriptions()

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        with self._changed:
            self.payloads[message.topic] = message.payload
            self._changed.notify_all()

    def _on_subscribe(
        self, _client: Any, _userdata: Any, packet_id: int, reasons: Any, _properties: Any
    ) -> None:
        self._acknowledge(packet_id, reasons)

    def _on_publish(
        self, _client: Any, _userdata: Any, packet_id: int, reason: Any, _properties: Any
    ) -> None:
        self._acknowledge(packet_id, [reason])

    def _acknowledge(self, packet_id: int, reasons: Iterable[Any]) -> None:
        refusals = (str(reason) for reason in reasons if reason.value >= _MIN_FAILURE_CODE)
        with self._changed:
            self._refusal_by_packet[packet_id] = next(refusals, "")
            self._changed.notify_all()
