"""PUBLISH packets of live messages: QoS 0, not retained, the same topics again and again.

edged writes them to paho's socket itself, while paho has nothing to write: paho's way costs several times as much, and offers no way to
prepare what does not change.
"""

from edged.interfaces import OutgoingMessage

_PUBLISH = 0x30
"""PUBLISH with QoS 0 (MQTT 5 and 3.1.1, 3.3.1)."""
_MORE = 0x80
"""Flag of a byte of the remaining length that is not the last (2.2.3, in MQTT 5 1.5.5)."""


class LivePackets:
    """Encodes packets; keeps what is constant of each topic."""

    def __init__(self, protocol: str) -> None:
        """Begin without topics.

        Args:
            protocol: the MQTT version, "5" or "3.1.1".
        """
        self._properties = b"\0" if protocol == "5" else b""
        self._heads: dict[str, bytes] = {}
        """The topic, with its length before it and the length of no properties after it."""

    def encode(self, message: OutgoingMessage) -> bytes:
        """Return the packet of a message of QoS 0 that is not retained."""
        head = self._heads.get(message.topic)
        if head is None:
            topic = message.topic.encode()
            head = len(topic).to_bytes(2, "big") + topic + self._properties
            self._heads[message.topic] = head
        start = bytearray((_PUBLISH,))
        length = len(head) + len(message.payload)
        while length >= _MORE:
            start.append(length & (_MORE - 1) | _MORE)
            length >>= 7
        start.append(length)
        return b"".join((start, head, message.payload))
