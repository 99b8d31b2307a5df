"""An outbox whose events, camera states and detections are also published in dialects."""

from collections.abc import Mapping, Sequence

from edged.clock import Clock
from edged.interfaces import Dialect, LinkChanged, Notice, OutgoingMessage, RoomAvailable
from edged.messaging.contract.header import Header, Stamper
from edged.messaging.contract.messages import Event, FrameDetections
from edged.messaging.dialect_messages import DialectMessages
from edged.messaging.outbox import Connect, Notify, Outbox
from edged.messaging.spool import Spool


class DialectOutbox(Outbox):
    """The outbox of the daemon. Without dialects it costs what `Outbox` costs."""

    def __init__(
        self,
        *,
        spool: Spool,
        stamper: Stamper,
        clock: Clock,
        connect: Connect,
        notify: Notify,
        dialects: Mapping[str, Dialect],
    ) -> None:
        """Prepare the publisher, without connecting.

        Args:
            spool: the device's queue.
            stamper: fills in headers.
            clock: the clock of pauses.
            connect: makes the publisher.
            notify: called with each received message, and when the only consumer is gone, from a callback of the loop.
            dialects: the dialects by name.
        """
        self._has_dialects = bool(dialects)
        self._dialects = DialectMessages(dialects, stamper)
        super().__init__(
            spool=spool,
            stamper=stamper,
            clock=clock,
            connect=lambda birth, will, on_notice: connect(
                lambda: self._add_birth_messages(birth()), will, on_notice
            ),
            notify=notify,
        )

    def queue_event(self, event: Event) -> None:
        """Queue an event until it is acknowledged."""
        super().queue_event(event)
        if self._has_dialects:
            self._dialects.repeat(event, self._publisher.publish)

    def publish_detections(self, message: FrameDetections) -> None:
        """Publish one frame's detections, or drop them if there is no connection."""
        super().publish_detections(message)
        if self._has_dialects:
            self._dialects.repeat(message, self._publisher.publish)

    def retain(self, message: Header | OutgoingMessage) -> None:
        """Make `message` the newest of its topic; does nothing if it equals the previous one."""
        super().retain(message)
        if self._has_dialects and not isinstance(message, OutgoingMessage):
            self._dialects.repeat(message, self._publisher.publish)

    def close(self, timeout_s: float, final: Sequence[Header] = ()) -> int:
        """Publish the final messages and disconnect, as `Outbox.close`."""
        self._dialects.finish(self._retained.make_final_states(), self._publisher.publish)
        return super().close(timeout_s, final)

    def _add_birth_messages(self, own: Sequence[OutgoingMessage]) -> Sequence[OutgoingMessage]:
        return [*own, *self._dialects.take_birth_messages()]

    def _on_notice(self, notice: Notice) -> None:
        super()._on_notice(notice)
        match notice:
            case LinkChanged(up=up):
                self._dialects.set_link(self._publisher.publish if up else None)
            case RoomAvailable():
                self._dialects.send(self._publisher.publish)
