"""The metrics of the device itself, from its messages."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import structs
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from edged.messaging.contract.model import ModelState

_MIB = 1 << 20


def make_info_metrics(info: DeviceInfo) -> Iterator[Metric]:
    """Return the description of the device, as a metric whose value is 1."""
    labels = {
        "device": info.device,
        "version": info.version,
        "board": info.board,
        "runtime": info.runtime,
        "delegate": info.delegate,
        "model": info.model,
    }
    yield _gauge("edged_device_info", "The device and what runs on it.", 1, labels)


def make_health_metrics(health: DeviceHealth) -> Iterator[Metric]:
    """Return the health of the device."""
    yield _gauge("edged_uptime_seconds", "Seconds since the daemon's start.", health.uptime_s)
    yield _labelled(
        "edged_health_status",
        "1 for the present overall health, 0 for the others.",
        "status",
        {status: health.overall == status for status in ("ok", "degraded", "failed")},
    )
    conditions = GaugeMetricFamily(
        "edged_condition_active",
        "1 for each condition that is active: docs/mqtt.md lists them.",
        labels=["condition", "severity"],
    )
    for condition in health.degradations:
        conditions.add_metric([condition.name, condition.severity], 1)
    yield conditions
    yield _counter("edged_worker_restarts", "Workers replaced.", health.worker_restarts)
    yield from _make_board_metrics(health)
    yield from _make_disk_metrics(health)
    yield from _make_delivery_metrics(health)


def _make_board_metrics(health: DeviceHealth) -> Iterator[Metric]:
    if health.soc_temperature_c is not None:
        yield _gauge(
            "edged_soc_temperature_celsius", "Temperature of the SoC.", health.soc_temperature_c
        )
    if health.throttling is not None:
        yield _labelled(
            "edged_throttling",
            "Flags of the Raspberry Pi's firmware: 1 if set.",
            "flag",
            structs.asdict(health.throttling),
        )
    if health.memory is not None:
        memory = health.memory
        yield _gauge("edged_memory_bytes", "Memory of the host.", memory.total_mb * _MIB)
        yield _gauge(
            "edged_memory_available_bytes",
            "Memory that is available without swapping.",
            memory.available_mb * _MIB,
        )
        yield _labelled(
            "edged_process_resident_memory_bytes",
            "Resident memory of each process of edged.",
            "process",
            {process: size_mb * _MIB for process, size_mb in memory.rss_mb.items()},
        )
    if health.loop is not None:
        yield _gauge(
            "edged_loop_lag_seconds",
            "Longest time by which the supervisor's loop was late, over the last reporting interval.",
            health.loop.lag_s,
        )
        yield _gauge(
            "edged_loop_longest_call_seconds",
            "Longest time that one step of the loop took, over the last reporting interval.",
            health.loop.longest_call_s,
        )


def _make_disk_metrics(health: DeviceHealth) -> Iterator[Metric]:
    if health.disk is not None:
        disk = health.disk
        size_bytes = disk.total_mb * _MIB
        yield _gauge("edged_disk_bytes", "Size of the state directory's file system.", size_bytes)
        yield _gauge(
            "edged_disk_free_bytes", "Space that edged can still write.", disk.free_mb * _MIB
        )
        if disk.written_mb is not None:
            yield _counter(
                "edged_disk_written_bytes",
                "Written by all processes of edged.",
                disk.written_mb * _MIB,
            )
    if health.collected is not None:
        yield _gauge("edged_examples", "Hard examples on disk.", health.collected.kept)
        yield _counter(
            "edged_examples_failed", "Hard examples that were lost.", health.collected.failed
        )
    yield _labelled(
        "edged_disk_silent_seconds",
        "Seconds for which a disk has kept edged waiting.",
        "disk",
        health.disk_silent_s,
    )


def _make_delivery_metrics(health: DeviceHealth) -> Iterator[Metric]:
    spool, link = health.spool, health.link
    yield _gauge("edged_spool_messages", "Messages that wait for the broker.", spool.depth)
    yield _gauge("edged_spool_bytes", "Bytes of their payloads.", spool.size_bytes)
    yield _gauge(
        "edged_spool_oldest_age_seconds",
        "Age of the oldest waiting message; 0 if none waits.",
        spool.oldest_age_s or 0.0,
    )
    yield _counter("edged_broker_connects", "Connections to the broker.", link.connects)
    yield _counter(
        "edged_detections_dropped",
        "Detections messages that were dropped instead of being sent late.",
        link.detections_dropped,
    )


def make_model_metrics(model: ModelState) -> Iterator[Metric]:
    """Return the state of the models, and of an update."""
    candidate, last = model.candidate, model.last
    yield _gauge(
        "edged_model_info",
        "The installed model.",
        1,
        {"model": model.installed.name if model.installed else ""},
    )
    yield _gauge(
        "edged_update_active", "1 while a model is being installed or tried.", candidate is not None
    )
    if candidate is not None:
        yield _gauge(
            "edged_update_progress_ratio",
            "Progress within the candidate's present state, 0..1.",
            candidate.progress,
            {"state": candidate.state},
        )
    if last is not None:
        yield _gauge(
            "edged_update_last_info",
            "The latest deployment that has ended.",
            1,
            {"model": last.title, "outcome": last.outcome, "cause": last.cause or ""},
        )
    if model.channel is not None:
        yield _gauge(
            "edged_update_channel_stale",
            "1 if the update channel has been silent for too long.",
            model.channel.stale,
        )


def _gauge(
    name: str, description: str, value: float, labels: Mapping[str, str] | None = None
) -> Metric:
    family = GaugeMetricFamily(name, description, labels=list(labels or {}))
    family.add_metric(list((labels or {}).values()), value)
    return family


def _counter(name: str, description: str, value: float) -> Metric:
    return CounterMetricFamily(name, description, value)


def _labelled(
    name: str,
    description: str,
    label: str,
    values: Mapping[str, float] | Iterable[tuple[str, float]],
) -> Metric:
    family = GaugeMetricFamily(name, description, labels=[label])
    for value, number in dict(values).items():
        family.add_metric([value], number)
    return family
