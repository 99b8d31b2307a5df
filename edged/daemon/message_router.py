"""Hands each message that the publisher has received to the part that has subscribed to its topic."""

import logging
from collections.abc import Callable

from edged.interfaces import MessageReceived

_log = logging.getLogger(__name__)

Receive = Callable[[MessageReceived], object]


class MessageRouter:
    """The receivers, by topic."""

    def __init__(self) -> None:
        """Begin without receivers."""
        self._receivers: dict[str, Receive] = {}

    def add(self, topic_filter: str, receive: Receive) -> None:
        """Hand the messages of a topic filter to `receive`; its only wildcard may be a ``+`` as its last level."""
        self._receivers[topic_filter] = receive

    def route(self, message: MessageReceived) -> None:
        """Hand a message on; one on another topic is ignored, as a broker with rules of its own could deliver it."""
        topic = message.topic
        receive = self._receivers.get(topic) or self._receivers.get(f"{topic.rpartition('/')[0]}/+")
        if receive is None:
            _log.warning("a message on %s is ignored: nothing has subscribed to it", topic)
        else:
            receive(message)
