"""The live messages that the publisher does not take at present: the newest of each topic waits, and only for a second."""

from collections.abc import Callable

from edged.clock import NS_PER_S, Clock
from edged.interfaces import OutgoingMessage
from edged.messaging.contract.topics import Topics

_MAX_AGE_NS = NS_PER_S
"""An older one describes a scene that has passed; subscribers want the next."""


class LiveMessages:
    """What waits for the publisher, and how much was dropped."""

    def __init__(self, topics: Topics, clock: Clock) -> None:
        """Begin without messages.

        Args:
            topics: the device's topics.
            clock: the clock of ages.
        """
        self._topics = topics
        self._clock = clock
        self._topic_names: dict[str, str] = {}
        """The topic of each camera's detections."""
        self._waiting: dict[str, tuple[int, OutgoingMessage]] = {}
        """The newest message of each topic, with the monotonic time in nanoseconds when it was put here."""
        self.dropped_count = 0
        """Messages that were dropped since the start."""

    def publish(
        self, camera: str, payload: bytes, publish: Callable[[OutgoingMessage], bool]
    ) -> None:
        """Send one frame's detections, or let them wait in place of the earlier ones.

        Args:
            camera: the frame's camera.
            payload: the message, encoded.
            publish: sends a message; returns False if it was not taken.
        """
        topic = self._topic_names.get(camera)
        if topic is None:
            topic = self._topic_names[camera] = self._topics.detections_of(camera)
        message = OutgoingMessage(topic=topic, payload=payload)
        if self._waiting:  # it must not overtake an earlier one
            self._hold(message)
            self.send(publish)
        elif not publish(message):
            self._hold(message)

    def send(self, publish: Callable[[OutgoingMessage], bool]) -> None:
        """Send what waits and is not too old, in the order in which it came, until one is not taken.

        Args:
            publish: sends a message; returns False if it was not taken.
        """
        oldest_ns = self._clock.monotonic_ns() - _MAX_AGE_NS
        for topic, (since_ns, message) in list(self._waiting.items()):
            if since_ns < oldest_ns:
                self.dropped_count += 1
            elif not publish(message):
                return
            del self._waiting[topic]

    def drop(self) -> None:
        """Drop what waits, because the connection was lost."""
        self.dropped_count += len(self._waiting)
        self._waiting.clear()

    def _hold(self, message: OutgoingMessage) -> None:
        if self._waiting.pop(message.topic, None) is not None:
            self.dropped_count += 1
        self._waiting[message.topic] = (self._clock.monotonic_ns(), message)
