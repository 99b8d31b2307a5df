"""The subscriptions of one connection.

A broker answers each subscription separately. A refused one is reported, and the connection stays up: a device that receives no
messages can still publish its own. Some brokers end the connection at a subscription that they do not allow; then it is held like a message.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edged.interfaces import MessageReceived, Notice, SubscriptionRefused
from edged.publishers.mqtt_acknowledgements import Acknowledgements, SentMessage
from edged.publishers.mqtt_client import describe_reason_code
from edged.publishers.mqtt_held_topics import HeldTopics

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode

MAX_PAYLOAD_BYTES = 256 << 10

_log = logging.getLogger(__name__)


class Subscriptions:
    """Makes subscriptions and reports the messages that arrive."""

    def __init__(self, topic_filters: Sequence[str], on_notice: Callable[[Notice], None]) -> None:
        """Store the arguments; subscribe to nothing.

        Args:
            topic_filters: the topic filters to subscribe to.
            on_notice: called with every `MessageReceived` and `SubscriptionRefused`.
        """
        self._topic_filters = topic_filters
        self._on_notice = on_notice
        self._pending: dict[int, str] = {}
        self._waiting = list(topic_filters)
        self._acknowledgements: Acknowledgements | None = None

    def subscribe(
        self, client: "Client", held: HeldTopics, acknowledgements: Acknowledgements
    ) -> None:
        """Subscribe to each filter that is neither subscribed to nor held.

        Args:
            client: paho's client; the broker has accepted its connection.
            held: what is held.
            acknowledgements: gets the subscriptions, to find one at which the broker ends connections.
        """
        self._acknowledgements = acknowledgements
        for topic in list(self._waiting):
            if held.is_paused(_name(topic)):
                continue
            _, packet = client.subscribe(topic, qos=1)
            if packet is not None:  # None if the connection is already lost
                self._waiting.remove(topic)
                self._pending[packet] = topic
                acknowledgements.record_sent(packet, SentMessage(_name(topic), None))

    def on_subscribe(self, packet_id: int, reason_codes: "list[ReasonCode]") -> None:
        """Take the answer to a subscription, and report one that the broker has refused.

        Args:
            packet_id: the packet id of the subscription.
            reason_codes: the broker's answer, one for each filter of the subscription.
        """
        topic = self._pending.pop(packet_id, None)
        if self._acknowledgements is not None:
            self._acknowledgements.record_ack(packet_id, None)
        for reason in reason_codes:
            if topic is not None and reason.is_failure:
                words = describe_reason_code(reason)
                _log.warning("mqtt: the broker refused the subscription to %s: %s", topic, words)
                self._on_notice(SubscriptionRefused(topic, words))

    def on_message(self, message: "MQTTMessage") -> None:
        """Report a message that has arrived.

        Args:
            message: the message; it is discarded if it is too large, or its topic is not UTF-8.
        """
        size_bytes = len(message.payload)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            _log.warning("mqtt: a message was discarded: its topic is not UTF-8")
            return
        if size_bytes > MAX_PAYLOAD_BYTES:
            _log.warning(
                "mqtt: a message on %s was discarded: it has %d bytes; the limit is %d",
                *(topic, size_bytes, MAX_PAYLOAD_BYTES),
            )
            return
        properties = message.properties  # None with MQTT 3.1.1
        self._on_notice(
            MessageReceived(
                topic,
                bytes(message.payload),
                message.retain,
                response_topic=getattr(properties, "ResponseTopic", None),
                correlation=getattr(properties, "CorrelationData", None),
            )
        )


def _name(topic_filter: str) -> str:
    return f"the subscription to {topic_filter}"
