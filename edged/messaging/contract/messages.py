"""Every payload, field by field. The descriptions are the documentation and the JSON Schema.

Construct one without its header; `edged.messaging.contract.header.Stamper` fills that in. Boxes are ``[x1, y1, x2, y2]``, normalised
to the frame, origin top left. Durations are seconds.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from edged.messaging.contract.header import Header, Timestamp

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Seconds = Annotated[float, Meta(ge=0.0)]
Count = Annotated[int, Meta(ge=0)]
Pixels = Annotated[int, Meta(ge=1)]
Box = tuple[Fraction, Fraction, Fraction, Fraction]
Point = tuple[Fraction, Fraction]
Counts = dict[str, Count]


class OnlineStatus(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.status/1"):
    """Whether the daemon is there. Retained.

    `offline` is also the last will. It bears the session that is gone: one whose session differs from the last `online` is a
    late will, and means nothing.
    """

    status: Annotated[
        Literal["online", "stopping", "offline"],
        Meta(description="online; stopping: asked to end, still sending; offline: gone."),
    ]


class Event(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.event/1"):
    """A change in one tracked object. Spooled: told at least once."""

    camera: Annotated[str, Meta(description="Name of the camera in the config.")]
    type: Annotated[
        Literal["start", "update", "end"],
        Meta(
            description="One start, then updates, then one end. A daemon that is killed leaves objects without an end: a new"
            " session ends all those of the older ones."
        ),
    ]
    id: Annotated[
        str,
        Meta(description="The object: the same in its start, updates and end; never used again."),
    ]
    label: Annotated[str, Meta(description="What the model takes it for.")]
    score: Annotated[Fraction, Meta(description="Of the latest detection.")]
    top_score: Annotated[Fraction, Meta(description="The best so far.")]
    box: Annotated[Box, Meta(description="Where it was last seen: [x1, y1, x2, y2], 0..1.")]
    width: Annotated[Pixels, Meta(description="Of the frame, in pixels.")]
    height: Annotated[Pixels, Meta(description="Of the frame, in pixels.")]
    zones: Annotated[tuple[str, ...], Meta(description="Zones it is in now.")] = ()
    entered_zones: Annotated[
        tuple[str, ...], Meta(description="Zones it has ever been in, in the order of entry.")
    ] = ()
    started: Annotated[Timestamp, Meta(description="When it was first seen, by the clock of now.")]
    ended: Annotated[
        Timestamp | None, Meta(description="When it was last seen; null unless type is end.")
    ] = None
    duration_s: Annotated[
        Seconds,
        Meta(
            description="From first to last seen, on a clock that never steps: not always the difference of two"
            " times of day."
        ),
    ]
    stationary: Annotated[bool, Meta(description="It has not moved for a while.")] = False
    path: Annotated[
        tuple[Point, ...],
        Meta(description="A few points [x, y] of its way, the box's bottom centre, oldest first."),
    ] = ()
    model: Annotated[str, Meta(description="The model that saw it: name@version.")]
    frame: Annotated[Count, Meta(description="Number of the frame, as the camera counts.")]
    snapshot: Annotated[
        str | None, Meta(description="Topic of its picture; null if none may be or was taken.")
    ] = None


class Gap(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.gap/1"):
    """Some messages will not come. Spooled itself, and dropped last."""

    reason: Annotated[
        Literal["full", "expired", "disk", "corrupt", "unclean_stop"],
        Meta(
            description="full: the spool was, and gave up the least important first; expired: older than it keeps;"
            " disk: could not be written, and memory was full; corrupt: the spool file was unreadable and is set aside;"
            " unclean_stop: the daemon or the power went, and these numbers were lost in memory or never used."
        ),
    ]
    ranges: Annotated[
        tuple[tuple[int, int], ...],
        Meta(
            description="[first, last] of sequence numbers, both included. What has not come of them will not; what has,"
            " stands."
        ),
    ]
    count: Annotated[
        Count | None, Meta(description="How many messages were given up; null if nobody can know.")
    ]


class Detection(Struct, frozen=True, kw_only=True):
    """One box in one frame."""

    label: Annotated[str, Meta(description="What the model takes it for.")]
    score: Annotated[Fraction, Meta(description="How sure the model is.")]
    box: Annotated[Box, Meta(description="[x1, y1, x2, y2], 0..1.")]
    id: Annotated[
        str | None, Meta(description="The event id of the object it belongs to; null if none yet.")
    ] = None


class FrameDetections(
    Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.detections/1"
):
    """What the model saw in one frame. QoS 0; one empty message when the scene clears."""

    camera: Annotated[str, Meta(description="Name of the camera in the config.")]
    frame: Annotated[Count, Meta(description="Number of the frame, as the camera counts.")]
    captured: Annotated[Timestamp, Meta(description="When the scene looked so.")]
    received_ns: Annotated[
        Count,
        Meta(
            description="When the frame came into the daemon's hands, on the host's monotonic clock, in nanoseconds: for"
            " measuring delays on the same host."
        ),
    ]
    width: Annotated[Pixels, Meta(description="Of the frame, in pixels.")]
    height: Annotated[Pixels, Meta(description="Of the frame, in pixels.")]
    model: Annotated[str, Meta(description="The model that looked: name@version.")]
    detections: Annotated[tuple[Detection, ...], Meta(description="Best score first.")]


class CameraState(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.state/1"):
    """What one camera sees now. Retained; rewritten at start and at exit, so that it is never stale."""

    camera: Annotated[str, Meta(description="Name of the camera in the config.")]
    online: Annotated[bool, Meta(description="The camera delivers frames.")]
    occupied: Annotated[bool, Meta(description="At least one object is there.")] = False
    motion: Annotated[bool, Meta(description="The picture changes.")] = False
    counts: Annotated[Counts, Meta(description="Objects by label.")] = field(default_factory=dict)
    active: Annotated[Counts, Meta(description="Of these, the ones that are not stationary.")] = (
        field(default_factory=dict)
    )
    zones: Annotated[dict[str, Counts], Meta(description="Objects by zone, then by label.")] = (
        field(default_factory=dict)
    )
    zones_active: Annotated[
        dict[str, Counts], Meta(description="Of these, the ones that are not stationary.")
    ] = field(default_factory=dict)
