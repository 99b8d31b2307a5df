"""The notices of a client: messages, and what is wrong with them. Each is a frozen value; ``kind`` names it in JSON."""

from msgspec import Struct

from edged.client.ranges import Range
from edged.messaging.contract.header import Header


class Received(Struct, frozen=True, kw_only=True, tag_field="kind", tag="message"):
    """A message of the contract; duplicates are left out.

    Attributes:
        topic: its topic.
        device: name of the device.
        retained: True if the broker had kept it; False if it was sent just now.
        message: the payload.
    """

    topic: str
    device: str
    retained: bool
    message: Header


class PictureReceived(Struct, frozen=True, kw_only=True, tag_field="kind", tag="picture"):
    """A picture of a camera.

    Attributes:
        topic: its topic.
        device: name of the device.
        camera: name of the camera.
        retained: True if the broker had kept it.
        jpeg: the picture, JPEG.
    """

    topic: str
    device: str
    camera: str
    retained: bool
    jpeg: bytes


class Removed(Struct, frozen=True, kw_only=True, tag_field="kind", tag="removed"):
    """A retained message was deleted, of a camera that was removed for example.

    Attributes:
        topic: its topic.
        device: name of the device.
    """

    topic: str
    device: str


class NumbersMissing(Struct, frozen=True, kw_only=True, tag_field="kind", tag="numbers_missing"):
    """Messages did not arrive, and no gap record has named them so far.

    A gap record may follow. If none does, they were lost after the device's broker had acknowledged them: in the broker's queue of
    this client, for example.

    Attributes:
        device: name of the device.
        ranges: the sequence numbers, ``(first, last)``, both included.
    """

    device: str
    ranges: tuple[Range, ...]


class NumberingRestarted(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="numbering_restarted"
):
    """A new session counts from a lower number: the device has lost its state directory, and its clock was not set.

    Attributes:
        device: name of the device.
        highest_before: the highest number before.
        seq: the first number of the new count.
    """

    device: str
    highest_before: int
    seq: int


class LateWill(Struct, frozen=True, kw_only=True, tag_field="kind", tag="late_will"):
    """The last will of an earlier session arrived after the device was online again; it does not count.

    Attributes:
        device: name of the device.
        session: the session that had ended.
    """

    device: str
    session: str


class Unreadable(Struct, frozen=True, kw_only=True, tag_field="kind", tag="unreadable"):
    """A message that is not of this contract.

    Attributes:
        topic: its topic.
        reason: why it cannot be read.
    """

    topic: str
    reason: str


class LinkUp(Struct, frozen=True, kw_only=True, tag_field="kind", tag="link_up"):
    """The client is connected, and has subscribed.

    Attributes:
        is_resumed: True if the broker has kept what arrived meanwhile; False if messages may have been missed.
    """

    is_resumed: bool


class LinkDown(Struct, frozen=True, kw_only=True, tag_field="kind", tag="link_down"):
    """The client is not connected; it goes on trying.

    Attributes:
        reason: why, in words.
    """

    reason: str


class TopicRefused(Struct, frozen=True, kw_only=True, tag_field="kind", tag="topic_refused"):
    """The broker does not let the client read a topic.

    Attributes:
        topic_filter: what the client subscribed to.
        reason: why the broker refused it.
    """

    topic_filter: str
    reason: str


MessageNotice = (
    Received
    | PictureReceived
    | Removed
    | NumbersMissing
    | NumberingRestarted
    | LateWill
    | Unreadable
)
LinkNotice = LinkUp | LinkDown | TopicRefused
Notice = MessageNotice | LinkNotice
