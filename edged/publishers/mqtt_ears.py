"""What one connection hears.

A broker answers each subscription by itself. One that it refuses is told, and the connection goes on: a device that cannot be told
anything still has much to tell.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from edged.interfaces import Notice, Received, Unheard
from edged.publishers.mqtt_client import with_hint

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

MOST_PAYLOAD_BYTES = 256 << 10

_log = logging.getLogger(__name__)


class Ears:
    """Subscribes, and passes on what comes. All of it happens in the thread that serves the network."""

    def __init__(self, filters: Sequence[str], notify: Callable[[Notice], None]) -> None:
        """Subscribe to nothing yet.

        Args:
            filters: of the topics to hear.
            notify: told of everything `Received` and `Unheard`.
        """
        self._filters = filters
        self._notify = notify
        self._asked: dict[int, str] = {}

    def open(self, client: "Client") -> None:
        """Subscribe to each filter: the broker has accepted the connection."""
        for topic in self._filters:
            _, packet = client.subscribe(topic, qos=1)
            if packet is not None:  # else the connection is gone already
                self._asked[packet] = topic

    def answered(
        self,
        _client: "Client",
        _userdata: Any,
        packet: int,
        reasons: "list[ReasonCode]",
        _properties: "Properties | None",
    ) -> None:
        """The broker has answered a subscription."""
        topic = self._asked.pop(packet, "")
        for reason in reasons:
            if reason.is_failure:
                _log.warning("mqtt: the broker refuses to send %s: %s", topic, with_hint(reason))
                self._notify(Unheard(topic, with_hint(reason)))

    def heard(self, _client: "Client", _userdata: Any, message: "MQTTMessage") -> None:
        """A message has come; what is too large, or has a topic that is no text, is left out."""
        size_bytes = len(message.payload)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            _log.warning("mqtt: a message was left out: its topic is not UTF-8")
            return
        if size_bytes > MOST_PAYLOAD_BYTES:
            _log.warning(
                *("mqtt: a message on %s was left out: it has %d bytes, and %d are allowed", topic),
                *(size_bytes, MOST_PAYLOAD_BYTES),
            )
            return
        self._notify(Received(topic, bytes(message.payload), message.retain))
