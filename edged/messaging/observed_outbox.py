"""An outbox that also shows its messages to an observer on this device, whether there is a connection or not."""

from collections.abc import Callable

from edged.interfaces import OutgoingMessage
from edged.messaging.contract.header import Header, encode
from edged.messaging.contract.messages import Event, FrameDetections
from edged.messaging.dialect_outbox import DialectOutbox

Observer = Callable[[str, bytes], object]
"""Takes a message's topic and its payload, JSON."""


class ObservedOutbox(DialectOutbox):
    """The outbox of the daemon. While nobody observes, it costs what `DialectOutbox` costs, and what is kept of events."""

    _observer: Observer | None = None
    _max_recent = 0
    _recent: dict[str, OutgoingMessage] | None = None
    """The newest event of each object, by its id."""

    def remember_events(self, max_objects: int) -> None:
        """Keep the newest event of so many objects, for observers that come later."""
        self._max_recent, self._recent = max_objects, {}

    def observe(self, observer: Observer | None) -> None:
        """Show all retained messages and the kept events, and then each message when it is queued, to `observer`; None ends it.

        An event is shown without its number, which it gets when the disk has it. Messages for other programs, as Home Assistant's discovery, are not
        shown.
        """
        self._observer = observer
        if observer is not None:
            for message in (*self._retained.messages, *(self._recent or {}).values()):
                if message.topic.startswith(f"{self._topics.up}/"):
                    observer(message.topic, message.payload)

    def queue_event(self, event: Event) -> None:
        """Queue an event until it is acknowledged."""
        super().queue_event(event)
        if self._observer is None and self._recent is None:
            return
        topic, payload = self._topics.of(event), encode(self._stamper.stamp(event))
        if self._recent is not None:
            self._recent.pop(event.id, None)
            self._recent[event.id] = OutgoingMessage(topic=topic, payload=payload)
            if len(self._recent) > self._max_recent:
                del self._recent[next(iter(self._recent))]
        if self._observer is not None:
            self._observer(topic, payload)

    def publish_detections(self, message: FrameDetections) -> None:
        """Publish one frame's detections, or drop them if there is no connection."""
        super().publish_detections(message)
        if self._observer is not None:
            payload = encode(self._stamper.stamp(message))
            self._observer(self._topics.detections_of(message.camera), payload)

    def retain(self, message: Header | OutgoingMessage) -> None:
        """Make `message` the newest of its topic; does nothing if it equals the previous one. Those for other programs are not shown."""
        if self._observer is None or isinstance(message, OutgoingMessage):
            super().retain(message)
            return
        topic = self._topics.of(message)
        before = self._retained.find(topic)
        super().retain(message)
        newest = self._retained.find(topic)
        if newest is not None and newest is not before:
            self._observer(topic, newest.payload)
