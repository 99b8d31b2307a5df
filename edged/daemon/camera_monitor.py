"""One camera, as the supervisor knows it: its scene and its numbers."""

from dataclasses import dataclass

from edged.clock import NS_PER_S
from edged.messaging.contract.device import CameraHealth, Percentiles
from edged.metrics import LatencyWindow, Rate
from edged.scene.scene import Scene, SceneState, SceneUpdate
from edged.vision.messages import CameraReport, Observation

_STAGES = ("wait", "encode", "invoke", "decode", "total")


@dataclass(slots=True)
class _CumulativeCounter:
    """Counters that go on when a worker, and with it its own counters, starts anew."""

    previous_total: int = 0
    current: int = 0

    def update(self, count: int) -> None:
        if count < self.current:
            self.previous_total += self.current
        self.current = count

    @property
    def total(self) -> int:
        return self.previous_total + self.current


class CameraMonitor:
    """What there is to know of one camera."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.scene_state = SceneState()
        self._scene: Scene | None = None
        """None until the model's labels are known."""
        self.report: CameraReport | None = None
        """The worker's latest; None while no worker looks through this camera."""
        self._captured = _CumulativeCounter()
        self._dropped = _CumulativeCounter()
        self._inferred = _CumulativeCounter()
        self._failed = _CumulativeCounter()
        self._rate_in = Rate()
        self._rate_inferred = Rate()
        self._latency_windows = {stage: LatencyWindow() for stage in _STAGES}
        self._last_captured_ns: int | None = None

    @property
    def is_online(self) -> bool:
        """Whether it delivers frames."""
        return self.report is not None and self.report.state == "running"

    @property
    def has_ended(self) -> bool:
        """Whether it was finite, and its last frame has been looked at."""
        return self.report is not None and self.report.state == "ended"

    @property
    def frame_counts(self) -> tuple[int, int, int]:
        """Captured, inferred and dropped, since the daemon's start."""
        return self._captured.total, self._inferred.total, self._dropped.total

    @property
    def failed_count(self) -> int:
        """Of the dropped, those on which the model failed, since the daemon's start."""
        return self._failed.total

    def reset(self, zones: tuple[str, ...]) -> None:
        """No worker looks yet, and nothing is known to be there."""
        self.report = None
        self.scene_state = SceneState.empty(zones)
        self._scene = None
        self._last_captured_ns = None

    def set_scene(self, scene: Scene) -> None:
        """Look with these rules from now on; the scene before it has been ended."""
        self._scene = scene

    def update_report(self, report: CameraReport) -> None:
        """Take in the worker's report."""
        self.report = report
        self._captured.update(report.captured)
        self._dropped.update(report.dropped + report.failed)
        self._failed.update(report.failed)
        self._inferred.update(report.inferred)

    def observe(self, observation: Observation, now_ns: int) -> tuple[SceneUpdate, ...]:
        """Take in one inferred frame; what it changed in the scene, in order."""
        self._record_latencies(observation, now_ns)
        if self._scene is None:
            return ()
        began_anew = (
            self._last_captured_ns is not None and observation.captured_ns < self._last_captured_ns
        )
        # A replay that starts over has a time line of its own, and its objects are others.
        ended = (self.end_all_objects(),) if began_anew else ()
        self._last_captured_ns = observation.captured_ns
        update = self._scene.observe(
            observation.detections,
            captured_ns=observation.captured_ns,
            frame_seq=observation.frame_seq,
            width=observation.width,
            height=observation.height,
            moving=observation.moving,
        )
        self.scene_state = update.state
        return (*(update for update in ended if update), update)

    def end_all_objects(self) -> SceneUpdate | None:
        """It cannot be looked through any more: nothing is known to be there. None if nothing ever was."""
        if self._scene is None or self._last_captured_ns is None:
            return None
        update = self._scene.end_all(self._last_captured_ns)
        self.scene_state = update.state
        return update

    def _record_latencies(self, observation: Observation, now_ns: int) -> None:
        stages_ns = (
            observation.wait_ns,
            observation.encode_ns,
            observation.invoke_ns,
            observation.decode_ns,
            now_ns - observation.received_ns,
        )
        for stage, duration_ns in zip(_STAGES, stages_ns, strict=True):
            self._latency_windows[stage].add(duration_ns)

    def sample_health(self, now_ns: int) -> CameraHealth:
        """`CameraHealth`, as of now; the rates are over the time since it was last asked."""
        last_ns = self.report.last_frame_ns if self.report else None
        captured, inferred, dropped = self.frame_counts
        return CameraHealth(
            online=self.is_online,
            fps_in=round(self._rate_in.update(captured, now_ns), 2),
            fps_inferred=round(self._rate_inferred.update(inferred, now_ns), 2),
            frames=captured,
            inferred=inferred,
            dropped=dropped,
            last_frame_age_s=None if last_ns is None else round((now_ns - last_ns) / NS_PER_S, 3),
            latency_s={
                stage: percentiles
                for stage, window in self._latency_windows.items()
                if (percentiles := _percentiles(window)) is not None
            },
        )


def _percentiles(window: LatencyWindow) -> Percentiles | None:
    quantiles = window.compute_quantiles_s()
    if quantiles is None:
        return None
    p50, p95, p99 = quantiles
    return Percentiles(p50=p50, p95=p95, p99=p99)
