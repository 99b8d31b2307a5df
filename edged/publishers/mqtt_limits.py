"""The limits that a broker announces in CONNACK (MQTT 5, 3.2.2.3), and what they make of a message. MQTT 3.1.1 has no such limits."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msgspec import structs

from edged.clock import Clock, Deadline, SystemClock
from edged.interfaces import OutgoingMessage

if TYPE_CHECKING:
    from paho.mqtt.properties import Properties

RETAIN_LIMIT, QOS_LIMIT = "Retain Available", "Maximum QoS"
_LOGGED_PROPERTIES = (
    "MaximumPacketSize",
    "ReceiveMaximum",
    "MaximumQoS",
    "RetainAvailable",
    "ServerKeepAlive",
    "AssignedClientIdentifier",
)
"""Properties of CONNACK that the log names, by paho's names; the others change nothing for edged."""
_MAX_TEXT = 100
_MEMORY_S = 3600.0
_BITS_PER_LENGTH_BYTE = 7

PACKET_TOO_LARGE = 0x95
_RETAIN_NOT_SUPPORTED = 0x9A
_QOS_NOT_SUPPORTED = 0x9B
"""Reason codes (MQTT 5, 2.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLimits:
    """What a broker accepts.

    Attributes:
        max_packet_bytes: largest packet in bytes, fixed header included; None for no limit.
        max_qos: highest QoS of a message, 0 or 1.
        can_retain: whether it retains messages.
    """

    max_packet_bytes: int | None = None
    max_qos: int = 1
    can_retain: bool = True

    def fit(self, message: OutgoingMessage) -> OutgoingMessage:
        """Return the message with a QoS and a retain flag that the broker accepts."""
        if message.qos <= self.max_qos and (self.can_retain or not message.retain):
            return message
        return structs.replace(
            message,
            qos=min(message.qos, self.max_qos),
            retain=message.retain and self.can_retain,
        )

    def allows_size(self, packet_bytes: int) -> bool:
        """Return whether a packet of this size can be sent."""
        return self.max_packet_bytes is None or packet_bytes <= self.max_packet_bytes

    def describe_features(self) -> dict[str, str | None]:
        """Return what the lack of each feature means, by the limit's name; None where the broker has the feature."""
        no_retain = "the broker retains no messages: a subscriber that connects later misses the present state"
        no_qos = "the broker has no QoS 1: messages are sent without acknowledgement, and those sent while a connection breaks are lost"
        return {
            RETAIN_LIMIT: None if self.can_retain else no_retain,
            QOS_LIMIT: None if self.max_qos else no_qos,
        }


class LearnedLimits:
    """Limits that a broker's refusals show. They are forgotten after an hour, because its configuration may have changed."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._limits = BrokerLimits()
        self._expiry: Deadline | None = None

    def read(self) -> BrokerLimits:
        """Return the limits that still hold."""
        if self._expiry is not None and self._expiry.expired:
            self._limits, self._expiry = BrokerLimits(), None
        return self._limits

    def learn(self, reason_code: int, packet_bytes: int | None) -> None:
        """Learn from a refusal.

        Args:
            reason_code: the broker's reason; those that name no limit are ignored.
            packet_bytes: size of the packet that it refused; None if that is unknown.
        """
        limits = self.read()
        if reason_code == PACKET_TOO_LARGE and packet_bytes is not None:
            self._limits = replace(limits, max_packet_bytes=packet_bytes - 1)
        elif reason_code == _RETAIN_NOT_SUPPORTED:
            self._limits = replace(limits, can_retain=False)
        elif reason_code == _QOS_NOT_SUPPORTED:
            self._limits = replace(limits, max_qos=0)
        else:
            return
        self._expiry = Deadline(self._clock, _MEMORY_S)


def read_limits(properties: "Properties | None", learned: BrokerLimits) -> BrokerLimits:
    """Return the limits of a connection.

    Args:
        properties: the properties of CONNACK; None with MQTT 3.1.1.
        learned: what earlier refusals have shown. A size is learned where CONNACK announces none (mosquitto's `message_size_limit`); of
            the other limits CONNACK has the last word.
    """
    if properties is None:
        return learned
    announced_bytes: int | None = getattr(properties, "MaximumPacketSize", None)
    sizes = [size for size in (announced_bytes, learned.max_packet_bytes) if size is not None]
    return BrokerLimits(
        max_packet_bytes=min(sizes, default=None),
        max_qos=min(getattr(properties, "MaximumQoS", 1), 1),
        can_retain=bool(getattr(properties, "RetainAvailable", 1)),
    )


def describe_properties(properties: "Properties | None") -> str:
    """Return what CONNACK announces, in words; empty if it announces nothing that concerns a publisher."""
    announced = {name: getattr(properties, name, None) for name in _LOGGED_PROPERTIES}
    return ", ".join(
        f"{name} {quote(value)}" for name, value in announced.items() if value is not None
    )


def quote(value: object) -> str:
    """Return a value from the broker for the log: in one line, without control characters, and cut off."""
    text = str(value)[:_MAX_TEXT]
    return text if text.isprintable() else ascii(text)[1:-1]


def packet_size(message: OutgoingMessage, protocol: str) -> int:
    """Return the bytes of a PUBLISH packet (MQTT 5, 3.3; MQTT 3.1.1, 3.3), fixed header included."""
    length = 2 + len(message.topic.encode()) + len(message.payload)
    length += 2 if message.qos else 0  # packet identifier
    if protocol == "5":
        correlation = message.correlation
        properties = 0 if correlation is None else 3 + len(correlation)  # MQTT 5, 3.3.2.3.6
        length += _length_size(properties) + properties
    return 1 + _length_size(length) + length


def _length_size(length: int) -> int:
    return max(1, -(-length.bit_length() // _BITS_PER_LENGTH_BYTE))
