"""The payloads about what the cameras see, and about messages themselves.

The descriptions of the fields appear in the documentation and in the JSON Schema. A payload is constructed without its header, which
`edged.messaging.contract.header.Stamper` fills in. Boxes are ``[x1, y1, x2, y2]``, normalised
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
    """State of the daemon. Retained.

    `offline` is also the last will; its session is the one that ended. If that session differs from that of the last `online`,
    the will was published late: ignore it.
    """

    status: Annotated[
        Literal["online", "stopping", "offline"],
        Meta(
            description="online: running; stopping: shutting down, still sending; offline: not connected."
        ),
    ]


class Event(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.event/1"):
    """A change of one tracked object. Spooled: delivered at least once."""

    camera: Annotated[str, Meta(description="Name of the camera in the configuration.")]
    type: Annotated[
        Literal["start", "update", "end"],
        Meta(
            description="Each object has one start, then updates, then one end. A daemon that is killed sends no end: a new"
            " session ends all objects of older sessions."
        ),
    ]
    id: Annotated[
        str,
        Meta(description="Id of the object: the same in its start, updates and end; never reused."),
    ]
    label: Annotated[str, Meta(description="Label of its class.")]
    score: Annotated[Fraction, Meta(description="Score of the latest detection.")]
    top_score: Annotated[Fraction, Meta(description="Best score so far.")]
    top_median_score: Annotated[
        Fraction,
        Meta(
            description="Greatest median so far of the scores in the last ten frames, 0 for a frame without a detection: one frame"
            " with a high score does not raise it much."
        ),
    ] = 0.0
    box: Annotated[Box, Meta(description="Box of the latest detection: [x1, y1, x2, y2], 0..1.")]
    width: Annotated[Pixels, Meta(description="Width of the frame in pixels.")]
    height: Annotated[Pixels, Meta(description="Height of the frame in pixels.")]
    zones: Annotated[tuple[str, ...], Meta(description="Zones that the object is in.")] = ()
    entered_zones: Annotated[
        tuple[str, ...],
        Meta(
            description="Zones that the object is or has been in, in the order of the configuration."
        ),
    ] = ()
    started: Annotated[
        Timestamp,
        Meta(
            description="When the object was first detected, by the clock at the time of this message."
        ),
    ]
    ended: Annotated[
        Timestamp | None,
        Meta(description="When the object was last detected; null unless type is end."),
    ] = None
    duration_s: Annotated[
        Seconds,
        Meta(
            description="Seconds from the first to the latest detection, on a clock that never steps: not always the difference"
            " of the two times of day."
        ),
    ]
    stationary: Annotated[
        bool, Meta(description="The object has not moved for [track] stationary_s.")
    ] = False
    path: Annotated[
        tuple[Point, ...],
        Meta(
            description="Points [x, y] on the object's path, oldest first: the middle of the box's lower edge."
        ),
    ] = ()
    model: Annotated[str, Meta(description="The model that detected it: name@version.")]
    frame: Annotated[Count, Meta(description="Number of the frame, counted by camera.")]
    snapshot: Annotated[
        str | None,
        Meta(
            description="Topic on which the pictures of the object are published, each better than the one before; null unless the"
            ' policy of the camera\'s pictures is "events".'
        ),
    ] = None


class Gap(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.gap/1"):
    """A report of lost messages. Spooled; never dropped to make room."""

    reason: Annotated[
        Literal["full", "expired", "disk", "corrupt", "unclean_stop", "rejected"],
        Meta(
            description="full: the spool was full and dropped the least important messages; expired: the messages were older than"
            " [spool] max_age_h; disk: the disk could not be written or read, and memory was full, or numbers were"
            " skipped; corrupt: a file of the spool was damaged, missing or exchanged, and these numbers were lost in it or skipped;"
            " unclean_stop: the daemon, the power or the disk failed, and these numbers were lost in memory or never used;"
            " rejected: the broker can never accept the messages, because they are above its size limit for example."
        ),
    ]
    ranges: Annotated[
        tuple[tuple[int, int], ...],
        Meta(
            description="Ranges [first, last] of sequence numbers, both included. Messages in them that have not arrived will not"
            " arrive; those that have arrived are valid."
        ),
    ]
    count: Annotated[
        Count | None, Meta(description="Number of lost messages; null if it cannot be known.")
    ]


class Detection(Struct, frozen=True, kw_only=True):
    """One box in one frame."""

    label: Annotated[str, Meta(description="Label of its class.")]
    score: Annotated[Fraction, Meta(description="Score of the model.")]
    box: Annotated[Box, Meta(description="Box: [x1, y1, x2, y2], 0..1.")]
    id: Annotated[
        str | None, Meta(description="Id of the object, as in its events; null if it has none yet.")
    ] = None


class FrameDetections(
    Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.detections/1"
):
    """The detections in one frame. QoS 0; one empty message when the scene becomes empty."""

    camera: Annotated[str, Meta(description="Name of the camera in the configuration.")]
    frame: Annotated[Count, Meta(description="Number of the frame, counted by camera.")]
    captured: Annotated[Timestamp, Meta(description="Capture time of the frame.")]
    received_ns: Annotated[
        Count,
        Meta(
            description="When the daemon received the frame, on the host's monotonic clock, in nanoseconds: to measure latency on"
            " the same host."
        ),
    ]
    width: Annotated[Pixels, Meta(description="Width of the frame in pixels.")]
    height: Annotated[Pixels, Meta(description="Height of the frame in pixels.")]
    model: Annotated[str, Meta(description="The model that ran: name@version.")]
    detections: Annotated[
        tuple[Detection, ...], Meta(description="The detections, best score first.")
    ]


class CameraState(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.state/1"):
    """The present state of one camera's scene. Retained; published again when the daemon starts and stops, so that it is never stale."""

    camera: Annotated[str, Meta(description="Name of the camera in the configuration.")]
    online: Annotated[bool, Meta(description="The camera delivers frames.")]
    occupied: Annotated[bool, Meta(description="At least one object is present.")] = False
    motion: Annotated[
        bool, Meta(description="Something moves in the picture, or did within the last seconds.")
    ] = False
    counts: Annotated[Counts, Meta(description="Number of objects by label.")] = field(
        default_factory=dict
    )
    active: Annotated[
        Counts, Meta(description="Number of objects by label, without stationary ones.")
    ] = field(default_factory=dict)
    zones: Annotated[
        dict[str, Counts], Meta(description="Number of objects by zone, then by label.")
    ] = field(default_factory=dict)
    zones_active: Annotated[
        dict[str, Counts],
        Meta(description="Number of objects by zone, then by label, without stationary ones."),
    ] = field(default_factory=dict)
