"""An MQTT subscriber that knows the broker's address, the device's name and the contract, and nothing else."""

import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Self

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edged.messaging.contract.messages import CameraState, Event, FrameDetections, OnlineStatus
from edged.messaging.contract.model import ModelState
from edged.messaging.contract.topics import Topics

Message = Event | CameraState | FrameDetections | OnlineStatus | ModelState


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message and its time of arrival.

    Attributes:
        message: the payload.
        arrived_ns: time of arrival on the monotonic clock, in ns.
    """

    message: Message
    arrived_ns: int


class Subscriber:
    """Receives all messages of one device, as a context manager that is connected inside."""

    def __init__(self, *, host: str, port: int, device: str) -> None:
        self._received: SimpleQueue[ReceivedMessage] = SimpleQueue()
        self._decoder = msgspec.json.Decoder(Message)
        self._filter = f"{Topics(device).up}/#"
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311
        )
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._address = (host, port)

    def __enter__(self) -> Self:
        self._client.connect(*self._address)
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def receive(self, timeout_s: float) -> ReceivedMessage | None:
        """Return the next message, or None if none arrives within `timeout_s` seconds."""
        try:
            return self._received.get(timeout=timeout_s)
        except Empty:
            return None

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(self._filter, qos=1)

    def _on_message(
        self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage
    ) -> None:
        arrived_ns = time.monotonic_ns()
        try:
            decoded = self._decoder.decode(message.payload)
        except msgspec.ValidationError:  # info and health are not shown
            return
        self._received.put(ReceivedMessage(decoded, arrived_ns))
