"""Samples of the supervisor's counts, for a scrape of the metrics."""

from collections.abc import Mapping

from edged.clock import NS_PER_S
from edged.daemon.camera_monitor import CameraMonitor
from edged.web.metrics_messages import CameraSample, StageSample


def sample_cameras(monitors: Mapping[str, CameraMonitor], now_ns: int) -> dict[str, CameraSample]:
    """Return the cameras' counts.

    Args:
        monitors: the cameras, by name.
        now_ns: monotonic time.
    """
    return {name: _sample_camera(monitor, now_ns) for name, monitor in monitors.items()}


def _sample_camera(monitor: CameraMonitor, now_ns: int) -> CameraSample:
    frames, inferred, dropped = monitor.frame_counts
    last_ns = monitor.last_frame_ns
    return CameraSample(
        online=monitor.is_online,
        frames=frames,
        inferred=inferred,
        dropped=dropped,
        still=monitor.still_count,
        over_rate=monitor.over_rate_count,
        observations_skipped=monitor.skipped_count,
        last_frame_age_s=None if last_ns is None else (now_ns - last_ns) / NS_PER_S,
        events=dict(monitor.event_counts),
        stages={
            stage: StageSample(counts=tuple(histogram.counts), sum_s=histogram.sum_ns / NS_PER_S)
            for stage, histogram in monitor.latencies.histograms.items()
        },
    )
