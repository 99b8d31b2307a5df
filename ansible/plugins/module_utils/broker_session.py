"""A short stay at the broker: listen, publish, leave."""

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
_ANSWER_S = 15.0
_LEAST_FAILURE = 128


class BrokerError(Exception):
    """The broker cannot be reached, or refused something; the message says which."""


class Stay:
    """A connection, as a context.

    Attributes:
        seen: the latest payload by topic.
    """

    def __init__(self, params: dict[str, Any]) -> None:
        """Nothing is done yet.

        Raises:
            BrokerError: the library is missing.
        """
        if paho is None:
            raise BrokerError("paho-mqtt 2.1 or later is needed where this module runs")
        self.seen: dict[str, bytes] = {}
        self._changed = threading.Condition()
        self._refusal = ""
        self._answered: dict[int, str] = {}
        self._connected = False
        self._topics: list[str] = []
        self._port = params["port"] or (8883 if params["ca"] else 1883)
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
        try:
            self._client.connect(self._host, self._port, clean_start=True)
        except (OSError, ValueError) as error:
            raise BrokerError(f"no way to {self._host}:{self._port}: {error}") from None
        self._client.loop_start()
        self._await(lambda: self._connected, "did not answer")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def listen(self, topics: Iterable[str], settle_s: float) -> None:
        """Subscribe, and wait until what is retained has arrived."""
        with self._changed:
            self._topics = list(topics)
        for mid in self._subscribe():
            self._await_answer(mid, "a subscription")
        time.sleep(settle_s)

    def _subscribe(self) -> list[int | None]:
        """Ids of the packets."""
        parts = [self._topics[begin : begin + 100] for begin in range(0, len(self._topics), 100)]
        return [
            self._client.subscribe([(name, SubscribeOptions(qos=1)) for name in part])[1]
            for part in parts
        ]

    def publish(self, topic: str, payload: bytes) -> None:
        """Retained, and acknowledged by the broker."""
        message = self._client.publish(topic, payload, qos=1, retain=True)
        self._await_answer(message.mid, topic)

    def wait(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Whether `done` came true in time; it is asked after every message."""
        with self._changed:
            return self._changed.wait_for(done, timeout_s or None)

    def _await_answer(self, mid: int, what: str) -> None:
        self._await(lambda: mid in self._answered, f"did not answer for {what}")
        if self._answered[mid]:
            raise BrokerError(f"the broker refused {what}: {self._answered[mid]}")

    def _await(self, done: Callable[[], bool], otherwise: str) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: done() or self._refusal, _ANSWER_S):
                raise BrokerError(f"{self._host}:{self._port} {otherwise} within {_ANSWER_S:g} s")
        if self._refusal:
            raise BrokerError(f"{self._host}:{self._port} refused the connection: {self._refusal}")

    def _on_connect(
        self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Properties
    ) -> None:
        with self._changed:
            self._connected = not reason.is_failure
            self._refusal = str(reason) if reason.is_failure else ""
            self._changed.notify_all()
        # After a connection that was lost the broker has forgotten what we listen to.
        if self._connected:
            self._subscribe()

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        with self._changed:
            self.seen[message.topic] = message.payload
            self._changed.notify_all()

    def _on_subscribe(
        self, _client: Any, _userdata: Any, mid: int, reasons: Any, _properties: Any
    ) -> None:
        self._answer(mid, reasons)

    def _on_publish(
        self, _client: Any, _userdata: Any, mid: int, reason: Any, _properties: Any
    ) -> None:
        self._answer(mid, [reason])

    def _answer(self, mid: int, reasons: Iterable[Any]) -> None:
        with self._changed:
            bad = next((str(reason) for reason in reasons if reason.value >= _LEAST_FAILURE), "")
            self._answered[mid] = bad
            self._changed.notify_all()
