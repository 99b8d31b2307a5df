"""The part of `DeviceHealth` about one camera."""

from typing import Annotated

from msgspec import Meta, Struct, field

from edged.messaging.contract.messages import Count, Seconds


class Percentiles(Struct, frozen=True, kw_only=True):
    """Percentiles of a stage's duration over the newest 512 frames on which the model ran, in seconds."""

    p50: Annotated[Seconds, Meta(description="Median: half of the frames took no longer.")]
    p95: Annotated[Seconds, Meta(description="95 of 100 frames took no longer.")]
    p99: Annotated[Seconds, Meta(description="99 of 100 frames took no longer.")]


class CameraHealth(Struct, frozen=True, kw_only=True):
    """State and statistics of one camera."""

    online: Annotated[bool, Meta(description="The camera delivers frames.")]
    fps_in: Annotated[float, Meta(description="Frames per second that the camera delivers.")]
    fps_inferred: Annotated[float, Meta(description="Frames per second on which the model runs.")]
    frames: Annotated[Count, Meta(description="Frames delivered since the daemon's start.")]
    inferred: Annotated[
        Count, Meta(description="Frames on which the model ran since the daemon's start.")
    ]
    dropped: Annotated[
        Count,
        Meta(
            description="Frames captured but not inferred: replaced in the slot, skipped by the driver, or failed; or without a result, because the supervisor did not keep up; since the daemon's start."
        ),
    ]
    still: Annotated[
        Count,
        Meta(
            description="Frames on which the model did not run because nothing in the picture had changed; since the daemon's start."
        ),
    ] = 0
    over_rate: Annotated[
        Count,
        Meta(
            description="Frames on which the model did not run because they were above inference.max_fps, or because detection is switched off; since the daemon's start."
        ),
    ] = 0
    observations_skipped: Annotated[
        Count,
        Meta(
            description="Inferred frames since the daemon's start whose detections were not processed, because those of a newer frame waited: the supervisor was late."
        ),
    ] = 0
    last_frame_age_s: Annotated[
        Seconds | None,
        Meta(description="Seconds since the last frame arrived; null if none has arrived."),
    ]
    latency_s: Annotated[
        dict[str, Percentiles],
        Meta(description="Latency by stage; total is from the frame's arrival to the message."),
    ] = field(default_factory=dict)
