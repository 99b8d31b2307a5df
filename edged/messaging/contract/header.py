"""What every payload begins with, and who fills it in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from edged.clock import NS_PER_S, Clock

_NS_PER_MS = NS_PER_S // 1000

ClockQuality = Literal["synced", "floor", "unsynced"]

Timestamp = Annotated[
    str,
    Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"),
]
"""RFC 3339, UTC, milliseconds."""


class Header(Struct, frozen=True, kw_only=True):
    """The fields that every payload has; `Stamper` fills them in."""

    device: Annotated[str, Meta(description="Name of the device; the same as in the topic.")] = ""
    boot: Annotated[str, Meta(description="A new one for each boot of the host.")] = ""
    session: Annotated[str, Meta(description="A new one for each start of the daemon.")] = ""
    seq: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="Number of the message: dense and strictly increasing for the device, across restarts, over the"
            " messages that pass through the spool (events and gap); null in all others. Duplicates are told by"
            " (device, seq)."
        ),
    ] = None
    time: Annotated[
        Timestamp,
        Meta(description="When the message was made: RFC 3339, UTC, milliseconds."),
    ] = "1970-01-01T00:00:00.000Z"
    clock: Annotated[
        ClockQuality,
        Meta(
            description="How far the host's clock, and so every time of day in the message, can be trusted: synced with a"
            " time source; floor: not synced, but not before the last time this host knew; unsynced: may be anything."
        ),
    ] = "unsynced"


MessageT = TypeVar("MessageT", bound=Header)


def rfc3339(wall_ns: int) -> str:
    """Nanoseconds since the Unix epoch as RFC 3339 in UTC with milliseconds, cut off, not rounded.

    A clock outside the years 1970 to 9999 is shown as the nearest time inside.
    """
    wall_ms = min(max(wall_ns // _NS_PER_MS, 0), 253_402_300_799_999)
    seconds, ms = divmod(wall_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who speaks.

    Attributes:
        device: name of the device.
        boot: id of this boot of the host.
        session: id of this start of the daemon.
    """

    device: str
    boot: str
    session: str


class Stamper:
    """Fills in headers, and puts monotonic times on the wall clock."""

    def __init__(
        self, identity: Identity, clock: Clock, quality: Callable[[], ClockQuality]
    ) -> None:
        self.identity = identity
        self._clock = clock
        self._quality = quality

    def stamp(self, message: MessageT, seq: int | None = None) -> MessageT:
        """The message with its header filled in, as of now."""
        return msgspec.structs.replace(
            message,
            device=self.identity.device,
            boot=self.identity.boot,
            session=self.identity.session,
            seq=seq,
            time=rfc3339(self._clock.wall_ns()),
            clock=self._quality(),
        )

    def time_of(self, monotonic_ns: int) -> str:
        """A moment on the monotonic line, as the wall clock of now would have shown it.

        All moments of one message are put on the same wall clock: a clock that was set between two of
        them moves both, so that none comes out before its cause. Durations are taken on the monotonic line.
        """
        age_ns = self._clock.monotonic_ns() - monotonic_ns
        return rfc3339(self._clock.wall_ns() - age_ns)


def encode(message: Header) -> bytes:
    """One JSON object, UTF-8, every field present, in the order in which it is declared."""
    return msgspec.json.encode(message)
