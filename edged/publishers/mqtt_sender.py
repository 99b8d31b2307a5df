"""The way of a message to paho: within the broker's limits, and without what is held."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edged.interfaces import Delivered, OutgoingMessage
from edged.publishers.mqtt_acknowledgements import Acknowledgements, Refusal, SentMessage
from edged.publishers.mqtt_client import make_properties
from edged.publishers.mqtt_limits import PACKET_TOO_LARGE, BrokerLimits, packet_size
from edged.publishers.mqtt_live_packets import LivePackets
from edged.publishers.mqtt_memory import BrokerMemory

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.reasoncodes import ReasonCode

_FINAL_CODES = {PACKET_TOO_LARGE, 0x90, 0x99}
"""Packet too large, Topic name invalid, Payload format invalid: the same message is refused every time."""


class MqttSender:
    """Queues the messages of one connection with paho, which writes them when its owner says so."""

    def __init__(
        self,
        client: "Client",
        protocol: str,
        *,
        memory: BrokerMemory,
        on_delivered: Callable[[Delivered], None],
        on_left_out: Callable[[Delivered], None],
    ) -> None:
        """Send nothing yet.

        Args:
            client: paho's client.
            protocol: the MQTT version, "5" or "3.1.1".
            memory: what is known of the broker.
            on_delivered: called with the outcome of each message with a token, when the broker has answered.
            on_left_out: called from within `send` with the outcome of a message with a token that is left out.
        """
        self.acknowledgements = Acknowledgements(on_delivered, self._on_answer)
        self._client = client
        self._protocol = protocol
        self._memory = memory
        self._held = memory.held
        self._on_left_out = on_left_out
        self._limits = BrokerLimits()
        self._live_packets = LivePackets(protocol)
        self._retained: dict[str, OutgoingMessage] = {}
        """The newest retained message of each topic: one that the broker refuses is tried again."""

    def begin(self, limits: BrokerLimits, birth: Sequence[OutgoingMessage]) -> None:
        """Take the limits of an accepted connection, and queue its first messages.

        Args:
            limits: the limits of the connection.
            birth: the messages to send before any other.
        """
        self._limits = limits
        self._held.begin_connection()
        for name, effect in limits.describe_features().items():
            if effect is not None:
                self._held.set_reason(name, effect)
        for message in birth:
            self.send(message, None)
        self._held.end_birth()

    def send(self, message: OutgoingMessage, token: int | None) -> bool:
        """Queue a message, or leave it out.

        Args:
            message: the message.
            token: the caller's token; None if the outcome does not matter.

        Returns:
            False if there is no connection, or if the message is left out and nobody keeps it.
        """
        sent = self._limits.fit(message)
        size = packet_size(sent, self._protocol)
        if not self._limits.allows_size(size):
            return self._leave_out(message, token, size)
        if token is None and self._held.keep(message):
            return message.retain
        if message.retain:
            self._retained[message.topic] = message
        return self._queue(sent, token, size) is not None

    def take_live(self, message: OutgoingMessage) -> bytes | None:
        """Return the packet of a live message (QoS 0, not retained), which is written without paho; None if it is left out."""
        if self._held.keep(message):
            return None
        packet = self._live_packets.encode(message)
        size = len(packet)
        if not self._limits.allows_size(size):
            self._leave_out(message, None, size)
            return None
        return packet

    def record_live(self, message: OutgoingMessage, size: int) -> None:
        """Take note that a live message was written.

        Args:
            message: the message.
            size: the size of its packet, in bytes.
        """
        self.acknowledgements.record_live(SentMessage(message.topic, None, size, 0))

    def send_final(self, messages: Sequence[OutgoingMessage]) -> list[int]:
        """Queue the last messages; return the packet id of each that is not left out."""
        packet_ids = []
        for message in map(self._limits.fit, messages):
            size = packet_size(message, self._protocol)
            if self._limits.allows_size(size):
                packet_ids.append(self._queue(message, None, size))
        return [packet_id for packet_id in packet_ids if packet_id is not None]

    def send_due(self) -> None:
        """Try the messages again whose pause is over."""
        for message in self._held.take_due():
            self.send(message, None)

    def on_answer(self, packet_id: int, reason: "ReasonCode") -> None:
        """Take the broker's answer to a message of QoS 1.

        Args:
            packet_id: paho's number of the message.
            reason: the answer.
        """
        refusal = None
        if reason.is_failure:
            is_final = self._protocol == "5" and reason.value in _FINAL_CODES
            refusal = Refusal(str(reason), is_final=is_final)
        self.acknowledgements.record_ack(packet_id, refusal)

    def _queue(self, message: OutgoingMessage, token: int | None, size: int) -> int | None:
        """Queue a message with paho as it is; return its packet id, or None if there is no connection."""
        topic, qos = message.topic, message.qos
        properties = make_properties(message.correlation) if self._protocol == "5" else None
        info = self._client.publish(topic, message.payload, qos, message.retain, properties)
        if info.rc:
            return None
        self.acknowledgements.record_sent(info.mid, SentMessage(topic, token, size, qos))
        return info.mid

    def _leave_out(self, message: OutgoingMessage, token: int | None, size: int) -> bool:
        limit = f"the broker's limit of {self._limits.max_packet_bytes} bytes for a packet"
        # The message's size is not in the reason: a reason that changes with every message would publish `up/health` every second.
        self._held.set_reason(message.topic, f"messages above {limit} are left out")
        if token is None:
            return message.retain
        error = f"{message.topic}: {size} bytes are above {limit}"
        self._on_left_out(Delivered(token, error, is_final=True))
        return True

    def _on_answer(self, message: SentMessage, refusal: Refusal | None) -> None:
        memory = self._memory
        if refusal is None:
            memory.early_ends.record_accepted(message)
            if message.token is None:
                self._held.release(message.topic)
            return
        if refusal.reason == "Packet too large":
            memory.learned.learn(PACKET_TOO_LARGE, message.packet_bytes)
        if message.token is None:
            reason = f"the broker refuses it: {refusal.reason}"
            self._held.hold(message.topic, reason, self._retained.get(message.topic))
