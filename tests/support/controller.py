"""A controller: an MQTT 5 client that sends commands to a device and collects the replies."""

import itertools
import json
import ssl
import threading
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from support.daemon import DEVICE_NAME
from support.waiting import wait_for

_numbers = itertools.count(1)


class Controller:
    """Sends commands with a response topic of its own."""

    def __init__(
        self,
        port: int,
        name: str = "controller",
        device: str = DEVICE_NAME,
        *,
        tls: ssl.SSLContext | None = None,
        response_topic: str = "",
    ) -> None:
        self.name = name
        self._down = f"edged/v1/{device}/down/cmd"
        self._response_topic = response_topic or f"replies/{name}"
        self._replies: list[tuple[bytes | None, dict[str, Any]]] = []
        self._subscribed = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5
        )
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._port = port

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.subscribe(self._response_topic, qos=1)
        self._client.loop_start()
        assert self._subscribed.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def new_id(self) -> str:
        """Return an id that no other command has."""
        return f"{self.name}-{next(_numbers)}"

    def send(
        self,
        verb: str,
        args: dict[str, Any] | None = None,
        *,
        id_: str | None = None,
        payload: bytes | None = None,
        retain: bool = False,
        response_topic: str | None = None,
    ) -> str:
        """Send a command, or `payload` in its place; return its id, which is also the correlation data."""
        id_ = id_ or self.new_id()
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's, untyped
        properties.ResponseTopic = response_topic or self._response_topic
        properties.CorrelationData = id_.encode()
        body = json.dumps({"id": id_, "args": args or {}}).encode()
        info = self._client.publish(
            f"{self._down}/{verb}",
            body if payload is None else payload,
            qos=1,
            retain=retain,
            properties=properties,
        )
        info.wait_for_publish(10)
        return id_

    def ask(self, verb: str, args: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        """Send a command and return the reply, header included."""
        return self.await_replies(self.send(verb, args, **options))[0]

    def replies(self, id_: str) -> list[dict[str, Any]]:
        """Return the replies so far that carry this correlation data."""
        return [reply for correlation, reply in self._replies if correlation == id_.encode()]

    def await_replies(
        self, id_: str, count: int = 1, timeout_s: float = 20.0
    ) -> list[dict[str, Any]]:
        """Wait for this many replies that carry this correlation data."""
        wait_for(
            lambda: len(self.replies(id_)) >= count,
            timeout_s=timeout_s,
            state=lambda: str(self._replies[-3:]),
        )
        return self.replies(id_)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", None)
        self._replies.append((correlation, json.loads(message.payload)))
