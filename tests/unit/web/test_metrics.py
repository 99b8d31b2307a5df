"""The metrics, from a device's messages and counts."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric

from edged.daemon.camera_monitor import CameraMonitor
from edged.daemon.metrics_sample import sample_cameras
from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from edged.messaging.contract.model import ModelState
from edged.metrics import LATENCY_BOUNDS_S
from edged.web.metrics import NewestMessages, make_metrics
from edged.web.metrics_messages import CameraSample, MetricsSample, StageSample
from support.examples import examples, health, state

DOCS = Path(__file__).parents[3] / "docs" / "metrics.md"
Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]
NO_MESSAGES = NewestMessages(info=None, health=None, model=None, states={})


def camera_sample(**changes: Any) -> CameraSample:
    counts = [0] * (len(LATENCY_BOUNDS_S) + 1)
    counts[4], counts[-1] = 7, 2
    fields: dict[str, Any] = {
        "online": True,
        "frames": 580,
        "inferred": 500,
        "dropped": 2,
        "still": 60,
        "over_rate": 18,
        "observations_skipped": 1,
        "last_frame_age_s": 0.25,
        "events": {"start": 3, "end": 2},
        "stages": {"invoke": StageSample(counts=tuple(counts), sum_s=8.5)},
    }
    return CameraSample(**(fields | changes))


def all_messages() -> NewestMessages:
    info, model = examples()["info"][0], examples()["model"][0]
    assert isinstance(info, DeviceInfo)
    assert isinstance(model, ModelState)
    scene = state(motion=True, counts={"person": 2, "dog": 1}, zones={"door": {"person": 1}})
    return NewestMessages(info=info, health=health(), model=model, states={"front": scene})


def make_all() -> list[Metric]:
    sample = MetricsSample(number=1, cameras={"front": camera_sample()})
    return list(make_metrics(sample, all_messages()))


def values_of(metrics: Iterable[Metric]) -> Values:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in metrics
        for sample in metric.samples
    }


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("edged_camera_frames_total", {"camera": "front"}, 580),
        ("edged_camera_frames_inferred_total", {"camera": "front"}, 500),
        ("edged_camera_frames_dropped_total", {"camera": "front"}, 2),
        ("edged_camera_frames_still_total", {"camera": "front"}, 60),
        ("edged_camera_frames_over_rate_total", {"camera": "front"}, 18),
        ("edged_camera_observations_skipped_total", {"camera": "front"}, 1),
        ("edged_camera_online", {"camera": "front"}, 1),
        ("edged_camera_last_frame_age_seconds", {"camera": "front"}, 0.25),
        ("edged_events_total", {"camera": "front", "type": "start"}, 3),
        ("edged_events_total", {"camera": "front", "type": "update"}, 0),
        ("edged_objects", {"camera": "front", "label": "person"}, 2),
        ("edged_zone_objects", {"camera": "front", "zone": "door"}, 1),
        ("edged_camera_motion", {"camera": "front"}, 1),
        ("edged_health_status", {"status": "degraded"}, 1),
        ("edged_health_status", {"status": "ok"}, 0),
        ("edged_condition_active", {"condition": "camera.front", "severity": "degraded"}, 1),
        ("edged_uptime_seconds", {}, 61.5),
        ("edged_worker_restarts_total", {}, 1),
        ("edged_soc_temperature_celsius", {}, 54.2),
        ("edged_throttling", {"flag": "under_voltage_occurred"}, 1),
        ("edged_memory_available_bytes", {}, 3012 * 1024 * 1024),
        ("edged_process_resident_memory_bytes", {"process": "supervisor"}, 41.5 * 1024 * 1024),
        ("edged_disk_written_bytes_total", {}, 1.3 * 1024 * 1024),
        ("edged_disk_silent_seconds", {"disk": "space"}, 0.4),
        ("edged_loop_lag_seconds", {}, 0.0021),
        ("edged_spool_messages", {}, 3),
        ("edged_spool_oldest_age_seconds", {}, 1.25),
        ("edged_broker_connects_total", {}, 2),
        ("edged_detections_dropped_total", {}, 17),
    ],
)
def test_values(name: str, labels: dict[str, str], value: float) -> None:
    values = values_of(make_all())
    assert values[name, tuple(sorted(labels.items()))] == pytest.approx(value)


def test_a_histogram_counts_all_buckets_below() -> None:
    labels = {"camera": "front", "stage": "invoke"}
    buckets = {
        dict(key)["le"]: value
        for (name, key), value in values_of(make_all()).items()
        if name == "edged_stage_latency_seconds_bucket"
    }
    assert len(buckets) == len(LATENCY_BOUNDS_S) + 1
    assert (buckets["0.005"], buckets["0.01"], buckets["2.5"], buckets["+Inf"]) == (0, 7, 7, 9)
    values = values_of(make_all())
    assert values["edged_stage_latency_seconds_count", tuple(sorted(labels.items()))] == 9
    assert values["edged_stage_latency_seconds_sum", tuple(sorted(labels.items()))] == 8.5


def test_names_follow_the_conventions() -> None:
    for metric in make_all():
        assert re.fullmatch(r"edged_[a-z_]+", metric.name), metric.name
        assert not metric.name.endswith(("_ms", "_mb", "_total", "_percent")), metric.name
        assert metric.documentation.endswith("."), metric.name
        for sample in metric.samples:
            assert sample.name.endswith("_total") == (metric.type == "counter"), sample.name


def test_no_series_stands_twice() -> None:
    metrics = make_all()
    assert len(values_of(metrics)) == sum(len(metric.samples) for metric in metrics)
    assert len({metric.name for metric in metrics}) == len(metrics)


def test_what_was_not_published_yet_is_missing() -> None:
    sample = MetricsSample(number=1, cameras={"front": camera_sample(last_frame_age_s=None)})
    names = {name for name, _ in values_of(make_metrics(sample, NO_MESSAGES))}
    assert "edged_camera_frames_total" in names
    assert names & {"edged_uptime_seconds", "edged_camera_last_frame_age_seconds"} == set()


def test_a_device_without_sensors_and_cameras() -> None:
    bare = DeviceHealth(
        overall="ok", uptime_s=1.0, spool=health().spool, link=health().link, cameras={}
    )
    messages = NewestMessages(info=None, health=bare, model=ModelState(installed=None), states={})
    names = {
        name for name, _ in values_of(make_metrics(MetricsSample(number=1, cameras={}), messages))
    }
    assert {"edged_uptime_seconds", "edged_model_info"} <= names
    assert "edged_soc_temperature_celsius" not in names


def test_the_number_of_series_is_bounded() -> None:
    many = state(counts={f"label {number}": 1 for number in range(1000)})
    messages = NewestMessages(info=None, health=None, model=None, states={"front": many})
    metrics = list(make_metrics(MetricsSample(number=1, cameras={}), messages))
    assert sum(len(metric.samples) for metric in metrics if metric.name == "edged_objects") == 50


def test_a_camera_without_frames_is_sampled() -> None:
    monitors = {"a": CameraMonitor("a"), "b": CameraMonitor("b", has_histograms=True)}
    cameras = sample_cameras(monitors, now_ns=1)
    assert cameras["a"].stages == {}
    assert set(cameras["b"].stages) == {"wait", "encode", "invoke", "decode", "total"}
    assert cameras["a"].last_frame_age_s is None


def test_messages_are_found_by_topic() -> None:
    found = {"camera/front/state": {"schema": "edged.state/1", "camera": "front", "online": True}}
    messages = NewestMessages.read(found.get, ["front", "back"])
    assert set(messages.states) == {"front"}
    assert messages.health is None


def test_the_documentation_lists_every_metric() -> None:
    names = {
        f"{metric.name}{'_total' if metric.type == 'counter' else ''}" for metric in make_all()
    }
    documented = set(re.findall(r"`(edged_\w+)`", DOCS.read_text("utf-8")))
    assert names <= documented
    assert documented - names == set(), "metrics that do not exist"
