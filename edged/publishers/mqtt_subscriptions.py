"""What one connection hears.

A broker answers each subscription by itself. One that it refuses is told, and the connection goes on: a device that cannot be told
anything still has much to tell.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from edged.interfaces import MessageReceived, Notice, SubscriptionRefused
from edged.publishers.mqtt_client import describe_reason_code

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

MAX_PAYLOAD_BYTES = 256 << 10

_log = logging.getLogger(__name__)


class Subscriptions:
    """Subscribes, and passes on what comes. All of it happens in the thread that serves the network."""

    def __init__(self, topic_filters: Sequence[str], on_notice: Callable[[Notice], None]) -> None:
        """Subscribe to nothing yet.

        Args:
            topic_filters: of the topics to hear.
            on_notice: told of everything `Received` and `SubscriptionRefused`.
        """
        self._topic_filters = topic_filters
        self._on_notice = on_notice
        self._pending: dict[int, str] = {}

    def subscribe(self, client: "Client") -> None:
        """Subscribe to each filter: the broker has accepted the connection."""
        for topic in self._topic_filters:
            _, packet = client.subscribe(topic, qos=1)
            if packet is not None:  # else the connection is gone already
                self._pending[packet] = topic

    def on_subscribe(
        self,
        _client: "Client",
        _userdata: Any,
        packet_id: int,
        reason_codes: "list[ReasonCode]",
        _properties: "Properties | None",
    ) -> None:
        """The broker has answered a subscription."""
        topic = self._pending.pop(packet_id, "")
        for reason in reason_codes:
            if reason.is_failure:
                _log.warning(
                    "mqtt: the broker refuses to send %s: %s", topic, describe_reason_code(reason)
                )
                self._on_notice(SubscriptionRefused(topic, describe_reason_code(reason)))

    def on_message(self, _client: "Client", _userdata: Any, message: "MQTTMessage") -> None:
        """A message has come; what is too large, or has a topic that is no text, is left out."""
        size_bytes = len(message.payload)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            _log.warning("mqtt: a message was left out: its topic is not UTF-8")
            return
        if size_bytes > MAX_PAYLOAD_BYTES:
            _log.warning(
                *("mqtt: a message on %s was left out: it has %d bytes, and %d are allowed", topic),
                *(size_bytes, MAX_PAYLOAD_BYTES),
            )
            return
        self._on_notice(MessageReceived(topic, bytes(message.payload), message.retain))
