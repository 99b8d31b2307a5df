"""The lines of ``edged tail``: one for each event and for each change of a device's state. Pure."""

from functools import singledispatch

from edged.cli.tail_messages import describe_message, format_ranges
from edged.client import (
    LateWill,
    LinkDown,
    LinkUp,
    Notice,
    NumberingRestarted,
    NumbersMissing,
    PictureReceived,
    Received,
    Removed,
    TopicRefused,
    Unreadable,
)
from edged.client.notices import LinkNotice
from edged.messaging.contract.messages import Event, FrameDetections, Gap
from edged.terminal.escape import one_line

_TIME = slice(11, 23)
_NO_TIME = " " * 12
_ALWAYS_NEW = Event | FrameDetections | Gap


class TailLines:
    """Formats notices; what a device repeats without a change gets no line."""

    def __init__(self) -> None:
        self._latest: dict[str, str] = {}

    def format(self, notice: Notice) -> str | None:
        """Return the line of a notice, without control characters; None if it says nothing new."""
        if isinstance(notice, Received):
            return self._format_received(notice)
        if isinstance(notice, Removed):
            self._latest.pop(notice.topic, None)
        return one_line(f"{_find_mark(notice)} {_describe(notice)}")

    def _format_received(self, received: Received) -> str | None:
        message = received.message
        text = describe_message(message)
        if not isinstance(message, _ALWAYS_NEW):
            if self._latest.get(received.topic) == text:
                return None
            self._latest[received.topic] = text
        place = " ".join(filter(None, [received.device, getattr(message, "camera", "")]))
        kept = "  (retained)" if received.retained else ""
        return one_line(f"{message.time[_TIME]}  {place}: {text}{kept}")


def _find_mark(notice: Notice) -> str:
    if isinstance(notice, LinkNotice):
        return "*"
    return f"{_NO_TIME} " if isinstance(notice, PictureReceived | Removed) else f"{_NO_TIME}  !"


@singledispatch
def _describe(notice: Notice) -> str:
    return type(notice).__name__


@_describe.register
def _(notice: PictureReceived) -> str:
    return f"{notice.device} {notice.camera}: picture, {len(notice.jpeg) / 1000:.0f} kB"


@_describe.register
def _(notice: Removed) -> str:
    return f"{notice.device}: {notice.topic} was deleted"


@_describe.register
def _(notice: NumbersMissing) -> str:
    return f"{notice.device}: not received, and in no gap record so far: {format_ranges(notice.ranges)}"


@_describe.register
def _(notice: NumberingRestarted) -> str:
    before = notice.highest_before
    return f"{notice.device}: numbers start again at {notice.seq}, after {before}: its state directory is new"


@_describe.register
def _(notice: LateWill) -> str:
    return (
        f"{notice.device}: the last will of session {notice.session} came late; it does not count"
    )


@_describe.register
def _(notice: Unreadable) -> str:
    return f"{notice.topic}: {notice.reason}"


@_describe.register
def _(_: LinkUp) -> str:
    return "connected"


@_describe.register
def _(notice: LinkDown) -> str:
    return f"not connected, trying again: {notice.reason}"


@_describe.register
def _(notice: TopicRefused) -> str:
    return f"the broker refuses {notice.topic_filter}: {notice.reason}"
