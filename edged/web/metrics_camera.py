"""The metrics of the cameras."""

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from edged.messaging.contract.messages import CameraState
from edged.metrics import LATENCY_BOUNDS_S
from edged.web.metrics_messages import CameraSample

_MAX_LABELS = 50
"""Of objects, for one camera; beyond it the rarest are left out."""
_COUNTERS = {
    "frames": ("frames", "Frames that the camera has delivered."),
    "inferred": ("frames_inferred", "Frames on which the model ran."),
    "dropped": (
        "frames_dropped",
        "Frames captured but not inferred: replaced by newer ones, skipped or failed.",
    ),
    "still": ("frames_still", "Frames left out because nothing in the picture had changed."),
    "over_rate": (
        "frames_over_rate",
        "Frames left out because they were above inference.max_fps.",
    ),
    "observations_skipped": (
        "observations_skipped",
        "Inferred frames whose detections were not processed, because the supervisor was late.",
    ),
}
"""By the field of `CameraSample`: the end of the metric's name, and what it counts."""
_BOUNDS = (*(floatToGoString(bound_s) for bound_s in LATENCY_BOUNDS_S), "+Inf")  # type: ignore[no-untyped-call]  # the library's, untyped


def make_camera_metrics(
    cameras: Mapping[str, CameraSample], states: Mapping[str, CameraState]
) -> Iterator[Metric]:
    """Return the metrics of all cameras.

    Args:
        cameras: what the supervisor has counted, by the camera's name.
        states: what the cameras' scenes show, by the camera's name.
    """
    yield from _count_frames(cameras)
    yield from _describe_cameras(cameras)
    yield _count_events(cameras)
    yield _make_histograms(cameras)
    yield from _count_objects(states)


def _count_frames(cameras: Mapping[str, CameraSample]) -> Iterator[Metric]:
    for field, (name, description) in _COUNTERS.items():
        family = CounterMetricFamily(f"edged_camera_{name}", description, labels=["camera"])
        for camera, sample in cameras.items():
            family.add_metric([camera], getattr(sample, field))
        yield family


def _describe_cameras(cameras: Mapping[str, CameraSample]) -> Iterator[Metric]:
    online = GaugeMetricFamily(
        "edged_camera_online", "1 if the camera delivers frames.", labels=["camera"]
    )
    age = GaugeMetricFamily(
        "edged_camera_last_frame_age_seconds",
        "Seconds since the last frame arrived; missing if none has arrived.",
        labels=["camera"],
    )
    for camera, sample in cameras.items():
        online.add_metric([camera], sample.online)
        if sample.last_frame_age_s is not None:
            age.add_metric([camera], sample.last_frame_age_s)
    yield from (online, age)


def _count_events(cameras: Mapping[str, CameraSample]) -> Metric:
    family = CounterMetricFamily(
        "edged_events", "Events of objects: start, update and end.", labels=["camera", "type"]
    )
    for camera, sample in cameras.items():
        for kind in ("start", "update", "end"):
            family.add_metric([camera, kind], sample.events.get(kind, 0))
    return family


def _make_histograms(cameras: Mapping[str, CameraSample]) -> Metric:
    family = HistogramMetricFamily(
        "edged_stage_latency_seconds",
        "Latency of the frames on which the model ran, by stage; total is from the frame's arrival to the decision.",
        labels=["camera", "stage"],
    )
    for camera, sample in cameras.items():
        for name, stage in sample.stages.items():
            buckets = list(zip(_BOUNDS, accumulate(stage.counts), strict=True))
            family.add_metric([camera, name], buckets=buckets, sum_value=stage.sum_s)
    return family


def _count_objects(states: Mapping[str, CameraState]) -> Iterator[Metric]:
    objects = GaugeMetricFamily(
        "edged_objects", "Objects in view that are present, by label.", labels=["camera", "label"]
    )
    zones = GaugeMetricFamily(
        "edged_zone_objects", "Objects in a zone, of all labels.", labels=["camera", "zone"]
    )
    motion = GaugeMetricFamily(
        "edged_camera_motion", "1 if something moves in the picture.", labels=["camera"]
    )
    for camera, state in states.items():
        present = sorted(state.counts.items(), key=lambda entry: (-entry[1], entry[0]))
        for label, count in present[:_MAX_LABELS]:
            objects.add_metric([camera, label], count)
        for zone, counts in state.zones.items():
            zones.add_metric([camera, zone], sum(counts.values()))
        motion.add_metric([camera], state.motion)
    yield from (objects, zones, motion)
