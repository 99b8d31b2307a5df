"""The header of every payload, and the stamper that fills it in."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from time import gmtime, strftime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from edged.clock import NS_PER_S, Clock, ClockQuality

_NS_PER_MS = NS_PER_S // 1000
_MAX_WALL_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""

Timestamp = Annotated[
    str,
    Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"),
]
"""RFC 3339, UTC, milliseconds."""


class Header(Struct, frozen=True, kw_only=True):
    """The fields of every payload; `Stamper` fills them in."""

    device: Annotated[str, Meta(description="Name of the device; the same as in the topic.")] = ""
    boot: Annotated[str, Meta(description="Id of this boot of the host.")] = ""
    session: Annotated[str, Meta(description="Id of this start of the daemon.")] = ""
    seq: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="Number of the message, in messages that pass through the spool (event and gap): strictly increasing"
            " without holes, across restarts, as long as the device keeps its state directory; null in all others. Two messages with"
            " the same device, session and seq are duplicates."
        ),
    ] = None
    time: Annotated[
        Timestamp,
        Meta(description="When the message was made: RFC 3339, UTC, with milliseconds."),
    ] = "1970-01-01T00:00:00.000Z"
    clock: Annotated[
        ClockQuality,
        Meta(
            description="How far the host's clock, and so every time of day in the message, can be trusted. synced: synchronised"
            " with a time source; floor: not synchronised, but not earlier than the modification time of edged's own files; unsynced: may be"
            " wrong by any amount."
        ),
    ] = "unsynced"


MessageT = TypeVar("MessageT", bound=Header)


def rfc3339(wall_ns: int) -> str:
    """Format nanoseconds since the Unix epoch as RFC 3339 in UTC, with milliseconds cut off, not rounded.

    A time outside the years 1970 to 9999 is shown as the nearest time inside.
    """
    wall_ms = wall_ns // _NS_PER_MS
    if not 0 <= wall_ms <= _MAX_WALL_MS:
        wall_ms = 0 if wall_ms < 0 else _MAX_WALL_MS
    return f"{_format_second(wall_ms // 1000)}.{wall_ms % 1000:03d}Z"


@lru_cache(maxsize=16)
def _format_second(second: int) -> str:
    """Return a second since the epoch without its fraction: all times of one message are in few different seconds."""
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The sender of a message.

    Attributes:
        device: name of the device.
        boot: id of this boot of the host.
        session: id of this start of the daemon.
    """

    device: str
    boot: str
    session: str


class Stamper:
    """Fills in headers, and converts monotonic times to wall-clock times."""

    def __init__(
        self, identity: Identity, clock: Clock, quality: Callable[[], ClockQuality]
    ) -> None:
        self.identity = identity
        self._clock = clock
        self._read_quality = quality
        self._quality: ClockQuality = "unsynced"
        self._quality_second = -1

    def stamp(self, message: MessageT, seq: int | None = None) -> MessageT:
        """Return the message with a header of now."""
        wall_ns = self._clock.wall_ns()
        return msgspec.structs.replace(
            message,
            device=self.identity.device,
            boot=self.identity.boot,
            session=self.identity.session,
            seq=seq,
            time=rfc3339(wall_ns),
            clock=self._quality_at(wall_ns),
        )

    def is_clock_synced(self) -> bool:
        """Return whether the host's clock is synchronised with a time source."""
        return self._quality_at(self._clock.wall_ns()) == "synced"

    def time_of(self, monotonic_ns: int) -> str:
        """Format a monotonic time as the present wall clock would have shown it.

        All times in one message are converted with the same wall clock: if that was set between two of them, both move, so that
        no effect is dated before its cause. Durations are measured on the monotonic clock.
        """
        age_ns = self._clock.monotonic_ns() - monotonic_ns
        return rfc3339(self._clock.wall_ns() - age_ns)

    def _quality_at(self, wall_ns: int) -> ClockQuality:
        """Return how far the wall clock can be trusted; the host is asked once in each second of that clock."""
        second = wall_ns // NS_PER_S
        if second != self._quality_second:
            self._quality, self._quality_second = self._read_quality(), second
        return self._quality


_encode_json = msgspec.json.Encoder().encode


def encode(message: Header) -> bytes:
    """Encode a payload as one JSON object in UTF-8, with every field, in the order of declaration."""
    return _encode_json(message)
