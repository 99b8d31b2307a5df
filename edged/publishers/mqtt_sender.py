"""The way of a message to paho: within the broker's limits, and without what is held."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from edged.interfaces import Delivered, OutgoingMessage
from edged.publishers.mqtt_acknowledgements import Acknowledgements, Refusal, SentMessage
from edged.publishers.mqtt_early_ends import EarlyEnds
from edged.publishers.mqtt_held_topics import HeldTopics
from edged.publishers.mqtt_limits import (
    PACKET_TOO_LARGE,
    BrokerLimits,
    LearnedLimits,
    packet_size,
)

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

_FINAL_CODES = {PACKET_TOO_LARGE, 0x90, 0x99}
"""Packet too large, Topic name invalid, Payload format invalid: the same message is refused every time."""


class PublishMemory:
    """What a publisher remembers over its connections.

    Attributes:
        held: the topics that are left out or held.
        early_ends: the messages behind which connections ended.
        learned: limits that refusals have shown.
    """

    def __init__(self, on_notice: Callable[[Any], None]) -> None:
        self.held = HeldTopics(on_notice)
        self.early_ends = EarlyEnds()
        self.learned = LearnedLimits()


class MqttSender:
    """Sends the messages of one connection; thread-safe."""

    def __init__(
        self,
        protocol: str,
        *,
        memory: PublishMemory,
        on_delivered: Callable[[Delivered], None],
    ) -> None:
        """Send nothing yet.

        Args:
            protocol: the MQTT version, "5" or "3.1.1".
            memory: what is known of the broker.
            on_delivered: called with the outcome of each message with a token.
        """
        self.acknowledgements = Acknowledgements(on_delivered, self._on_answer)
        self._protocol = protocol
        self._memory = memory
        self._on_delivered = on_delivered
        self._limits = BrokerLimits()
        self._retained: dict[str, OutgoingMessage] = {}
        """The newest retained message of each topic: one that the broker refuses is tried again."""

    def begin(
        self, client: "Client", limits: BrokerLimits, birth: Sequence[OutgoingMessage]
    ) -> None:
        """Take the limits of an accepted connection, and send its first messages.

        Args:
            client: paho's client.
            limits: the limits of the connection.
            birth: the messages to send before any other.
        """
        self._limits = limits
        held = self._memory.held
        held.begin_connection()
        for name, effect in limits.describe_features().items():
            if effect is not None:
                held.set_reason(name, effect)
        for message in birth:
            self.send(client, message, None)
        held.end_birth()

    def send(self, client: "Client", message: OutgoingMessage, token: int | None) -> bool:
        """Queue a message with paho, or leave it out.

        Args:
            client: paho's client.
            message: the message.
            token: the caller's token; None if the outcome does not matter.

        Returns:
            False if there is no connection, or if the message is left out and nobody keeps it.
        """
        sent = self._limits.fit(message)
        size = packet_size(sent, self._protocol)
        if not self._limits.allows_size(size):
            return self._leave_out(message, token, size)
        if token is None and self._memory.held.keep(message):
            return message.retain
        if message.retain:
            self._retained[message.topic] = message
        return self.queue(client, sent, token) is not None

    def queue(self, client: "Client", message: OutgoingMessage, token: int | None) -> Any:
        """Queue a message with paho as it is; return its `MQTTMessageInfo`, or None if there is no connection.

        Args:
            client: paho's client.
            message: the message.
            token: the caller's token; None if the outcome does not matter.
        """
        info = client.publish(message.topic, message.payload, message.qos, message.retain)
        if info.rc:
            return None
        size = packet_size(message, self._protocol)
        self.acknowledgements.record_sent(
            info.mid, SentMessage(message.topic, token, size, message.qos)
        )
        return info

    def send_final(self, client: "Client", messages: Sequence[OutgoingMessage]) -> list[Any]:
        """Queue the last messages; return the `MQTTMessageInfo` of each that is not left out."""
        fitting = [self._limits.fit(message) for message in messages]
        infos = [
            self.queue(client, message, None)
            for message in fitting
            if self._limits.allows_size(packet_size(message, self._protocol))
        ]
        return [info for info in infos if info is not None]

    def send_due(self, client: "Client") -> None:
        """Try the messages again whose pause is over."""
        for message in self._memory.held.take_due():
            self.send(client, message, None)

    def on_publish(
        self,
        _client: "Client",
        _userdata: Any,
        packet_id: int,
        reason: "ReasonCode",
        _properties: "Properties | None",
    ) -> None:
        """Take the broker's answer to a message; paho calls this, for QoS 0 when the message is written.

        Args:
            packet_id: paho's number of the message.
            reason: the answer.
        """
        refusal = None
        if reason.is_failure:
            is_final = self._protocol == "5" and reason.value in _FINAL_CODES
            refusal = Refusal(str(reason), is_final=is_final)
        self.acknowledgements.record_ack(packet_id, refusal)

    def _leave_out(self, message: OutgoingMessage, token: int | None, size: int) -> bool:
        limit = f"the broker's limit of {self._limits.max_packet_bytes} bytes for a packet"
        # The message's size is not in the reason: a reason that changes with every message would publish `up/health` every second.
        self._memory.held.set_reason(message.topic, f"messages above {limit} are left out")
        if token is None:
            return message.retain
        error = f"{message.topic}: {size} bytes are above {limit}"
        self._on_delivered(Delivered(token, error, is_final=True))
        return True

    def _on_answer(self, message: SentMessage, refusal: Refusal | None) -> None:
        memory = self._memory
        if refusal is None:
            memory.early_ends.record_accepted(message)
            if message.token is None:
                memory.held.release(message.topic)
            return
        if refusal.reason == "Packet too large":
            memory.learned.learn(PACKET_TOO_LARGE, message.packet_bytes)
        if message.token is None:
            reason = f"the broker refuses it: {refusal.reason}"
            memory.held.hold(message.topic, reason, self._retained.get(message.topic))
