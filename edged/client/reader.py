"""The way from received messages to notices: decoding, duplicates, gaps, late wills, and each device's state. Pure."""

from collections.abc import Iterator

from edged.client.decode import decode_message, picture_camera, split_topic
from edged.client.notices import (
    LateWill,
    MessageNotice,
    NumberingRestarted,
    NumbersMissing,
    PictureReceived,
    Received,
    Removed,
    Unreadable,
)
from edged.client.remote_device import RemoteDevice
from edged.errors import MessageError
from edged.messaging.contract.commands import Reply
from edged.messaging.contract.header import Header
from edged.messaging.contract.messages import Event, FrameDetections, Gap

_NOT_RETAINED = (Event, FrameDetections, Gap, Reply)


class MessageReader:
    """Reads what arrives on the topics of any number of devices.

    Attributes:
        devices: the devices whose messages have arrived, by name.
    """

    def __init__(self) -> None:
        self.devices: dict[str, RemoteDevice] = {}

    def read(self, topic: str, payload: bytes, *, retained: bool = False) -> list[MessageNotice]:
        """Read one message.

        Args:
            topic: its topic.
            payload: its payload.
            retained: whether the broker had kept it.

        Returns:
            The notices, in order; none if the message has arrived before.
        """
        try:
            return list(self._read(topic, payload, retained=retained))
        except MessageError as error:
            return [Unreadable(topic=topic, reason=str(error))]

    def _read(self, topic: str, payload: bytes, *, retained: bool) -> Iterator[MessageNotice]:
        device, leaf = split_topic(topic)
        camera = picture_camera(leaf)
        if not payload:
            self._view(device).remove(leaf)
            yield Removed(topic=topic, device=device)
        elif camera is not None:
            yield PictureReceived(
                topic=topic, device=device, camera=camera, retained=retained, jpeg=payload
            )
        else:
            message = decode_message(topic, payload)
            yield from self._take(
                Received(topic=topic, device=device, retained=retained, message=message), leaf
            )

    def _take(self, received: Received, leaf: str) -> Iterator[MessageNotice]:
        view, message = self._view(received.device), received.message
        if message.seq is not None:
            step = view.numbers.take(message.session, message.seq, _announced(message))
            if step.is_duplicate:
                return
            if step.restarted_after is not None:
                yield NumberingRestarted(
                    device=view.name, highest_before=step.restarted_after, seq=message.seq
                )
            if step.missing:
                yield NumbersMissing(device=view.name, ranges=step.missing)
        if view.is_late_will(message):
            yield LateWill(device=view.name, session=message.session)
            return
        view.update(leaf, message, is_retained=not isinstance(message, _NOT_RETAINED))
        yield received

    def _view(self, device: str) -> RemoteDevice:
        return self.devices.setdefault(device, RemoteDevice(device))


def _announced(message: Header) -> tuple[tuple[int, int], ...]:
    return message.ranges if isinstance(message, Gap) else ()
