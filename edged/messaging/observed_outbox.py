"""An outbox that also shows its messages to an observer on this device, whether there is a connection or not."""

from collections.abc import Callable

from edged.messaging.contract.header import Header, encode
from edged.messaging.contract.messages import Event, FrameDetections
from edged.messaging.outbox import Outbox

Observer = Callable[[str, bytes], object]
"""Takes a message's topic and its payload, JSON."""


class ObservedOutbox(Outbox):
    """The outbox of the daemon. While nobody observes, it costs what `Outbox` costs."""

    _observer: Observer | None = None

    def observe(self, observer: Observer | None) -> None:
        """Show all retained messages, and then each message when it is queued, to `observer`; None ends it.

        An event is shown without its number, which it gets when the disk has it.
        """
        self._observer = observer
        if observer is not None:
            for message in self._retained.messages:
                observer(message.topic, message.payload)

    def queue_event(self, event: Event) -> None:
        """Queue an event until it is acknowledged."""
        super().queue_event(event)
        if self._observer is not None:
            self._observer(self._topics.of(event), encode(self._stamper.stamp(event)))

    def publish_detections(self, message: FrameDetections) -> None:
        """Publish one frame's detections, or drop them if there is no connection."""
        if self._observer is None:
            super().publish_detections(message)
            return
        payload = encode(self._stamper.stamp(message))
        self._observer(self._topics.detections_of(message.camera), payload)
        self.publish_live(message.camera, payload)

    def retain(self, message: Header) -> None:
        """Make `message` the newest of its topic; does nothing if it equals the previous one."""
        topic = self._topics.of(message)
        before = self._retained.find(topic)
        super().retain(message)
        newest = self._retained.find(topic)
        if self._observer is not None and newest is not None and newest is not before:
            self._observer(topic, newest.payload)
