"""The supervisor's counts for the metrics, as they cross to the web process on each scrape."""

from msgspec import Struct


class StageSample(Struct, frozen=True, kw_only=True):
    """The latencies of one stage since the daemon's start.

    Attributes:
        counts: frames in each bucket of `edged.metrics.LATENCY_BOUNDS_S` alone, and above them.
        sum_s: all latencies together, seconds.
    """

    counts: tuple[int, ...]
    sum_s: float


class CameraSample(Struct, frozen=True, kw_only=True):
    """One camera, as of now; `up/health` is up to an interval old.

    Attributes:
        online: the camera delivers frames.
        frames: frames delivered since the daemon's start.
        inferred: frames on which the model ran.
        dropped: frames captured but not inferred.
        still: frames left out because nothing in the picture had changed.
        over_rate: frames left out because they were above the largest rate.
        observations_skipped: inferred frames that the supervisor was too late for.
        last_frame_age_s: seconds since the last frame; None if none has arrived.
        events: events by type.
        stages: latencies by stage.
    """

    online: bool
    frames: int
    inferred: int
    dropped: int
    still: int
    over_rate: int
    observations_skipped: int
    last_frame_age_s: float | None
    events: dict[str, int]
    stages: dict[str, StageSample]


class MetricsWanted(Struct, frozen=True, kw_only=True, tag="metrics"):
    """Web process to supervisor: what have you counted?

    Attributes:
        number: chosen by the web process, and never reused.
    """

    number: int


class MetricsSample(Struct, frozen=True, kw_only=True, tag="metrics"):
    """Supervisor to web process: the answer to a `MetricsWanted`.

    Attributes:
        number: that of the `MetricsWanted`.
        cameras: the cameras, by name.
    """

    number: int
    cameras: dict[str, CameraSample]
