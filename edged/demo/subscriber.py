"""A subscriber like any other: it knows the broker's address, the device's name and the contract."""

import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edged.messaging.contract.messages import CameraState, Event, FrameDetections, OnlineStatus
from edged.messaging.contract.model import ModelState
from edged.messaging.contract.topics import Topics

Message = Event | CameraState | FrameDetections | OnlineStatus | ModelState


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message, and when it arrived on the monotonic line."""

    message: Message
    arrived_ns: int


class Subscriber:
    """Receives all that one device says; connects on construction."""

    def __init__(self, *, host: str, port: int, device: str) -> None:
        self._received: SimpleQueue[ReceivedMessage] = SimpleQueue()
        self._decoder = msgspec.json.Decoder(Message)
        self._filter = f"{Topics(device).up}/#"
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311
        )
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.connect(host, port)
        self._client.loop_start()

    def receive(self, timeout_s: float) -> ReceivedMessage | None:
        """The next message; None if none came in time."""
        try:
            return self._received.get(timeout=timeout_s)
        except Empty:
            return None

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(self._filter, qos=1)

    def _on_message(
        self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage
    ) -> None:
        arrived_ns = time.monotonic_ns()
        try:
            decoded = self._decoder.decode(message.payload)
        except msgspec.ValidationError:  # info and health: not shown here
            return
        self._received.put(ReceivedMessage(decoded, arrived_ns))
