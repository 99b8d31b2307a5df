"""One camera, as the supervisor knows it: its scene and its numbers."""

from dataclasses import dataclass

from edged.clock import NS_PER_S
from edged.messaging.contract.device import CameraHealth, Percentiles
from edged.metrics import Rate, Window
from edged.scene.scene import Scene, SceneState, SceneUpdate
from edged.vision.messages import CameraReport, Observation

_STAGES = ("wait", "encode", "invoke", "decode", "total")


@dataclass(slots=True)
class _Tally:
    """Counters that go on when a worker, and with it its own counters, starts anew."""

    before: int = 0
    now: int = 0

    def read(self, count: int) -> None:
        if count < self.now:
            self.before += self.now
        self.now = count

    @property
    def total(self) -> int:
        return self.before + self.now


class CameraWatch:
    """What there is to know of one camera."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = SceneState()
        self._scene: Scene | None = None
        """None until the model's labels are known."""
        self.report: CameraReport | None = None
        """The worker's latest; None while no worker looks through this camera."""
        self._captured = _Tally()
        self._dropped = _Tally()
        self._inferred = _Tally()
        self._failed = _Tally()
        self._rate_in = Rate()
        self._rate_inferred = Rate()
        self._windows = {stage: Window() for stage in _STAGES}
        self._newest_ns: int | None = None

    @property
    def online(self) -> bool:
        """Whether it delivers frames."""
        return self.report is not None and self.report.state == "running"

    @property
    def ended(self) -> bool:
        """Whether it was finite, and its last frame has been looked at."""
        return self.report is not None and self.report.state == "ended"

    @property
    def frames(self) -> tuple[int, int, int]:
        """Captured, inferred and dropped, since the daemon's start."""
        return self._captured.total, self._inferred.total, self._dropped.total

    @property
    def failed(self) -> int:
        """Of the dropped, those on which the model failed, since the daemon's start."""
        return self._failed.total

    def begin(self, zones: tuple[str, ...]) -> None:
        """No worker looks yet, and nothing is known to be there."""
        self.report = None
        self.state = SceneState.empty(zones)
        self._scene = None
        self._newest_ns = None

    def dress(self, scene: Scene) -> None:
        """Look with these rules from now on; the scene before it has been ended."""
        self._scene = scene

    def note(self, report: CameraReport) -> None:
        """Take in the worker's report."""
        self.report = report
        self._captured.read(report.captured)
        self._dropped.read(report.dropped + report.failed)
        self._failed.read(report.failed)
        self._inferred.read(report.inferred)

    def observe(self, seen: Observation, now_ns: int) -> tuple[SceneUpdate, ...]:
        """Take in one inferred frame; what it changed in the scene, in order."""
        self._measure(seen, now_ns)
        if self._scene is None:
            return ()
        began_anew = self._newest_ns is not None and seen.captured_ns < self._newest_ns
        # A replay that starts over has a time line of its own, and its objects are others.
        ended = (self.end_all(),) if began_anew else ()
        self._newest_ns = seen.captured_ns
        update = self._scene.observe(
            seen.detections,
            captured_ns=seen.captured_ns,
            frame_seq=seen.frame_seq,
            width=seen.width,
            height=seen.height,
            moving=seen.moving,
        )
        self.state = update.state
        return (*(update for update in ended if update), update)

    def end_all(self) -> SceneUpdate | None:
        """It cannot be looked through any more: nothing is known to be there. None if nothing ever was."""
        if self._scene is None or self._newest_ns is None:
            return None
        update = self._scene.end_all(self._newest_ns)
        self.state = update.state
        return update

    def _measure(self, seen: Observation, now_ns: int) -> None:
        stages_ns = (
            seen.wait_ns,
            seen.encode_ns,
            seen.invoke_ns,
            seen.decode_ns,
            now_ns - seen.received_ns,
        )
        for stage, duration_ns in zip(_STAGES, stages_ns, strict=True):
            self._windows[stage].add(duration_ns)

    def health(self, now_ns: int) -> CameraHealth:
        """`CameraHealth`, as of now; the rates are over the time since it was last asked."""
        last_ns = self.report.last_frame_ns if self.report else None
        captured, inferred, dropped = self.frames
        return CameraHealth(
            online=self.online,
            fps_in=round(self._rate_in.read(captured, now_ns), 2),
            fps_inferred=round(self._rate_inferred.read(inferred, now_ns), 2),
            frames=captured,
            inferred=inferred,
            dropped=dropped,
            last_frame_age_s=None if last_ns is None else round((now_ns - last_ns) / NS_PER_S, 3),
            latency_s={
                stage: percentiles
                for stage, window in self._windows.items()
                if (percentiles := _percentiles(window)) is not None
            },
        )


def _percentiles(window: Window) -> Percentiles | None:
    quantiles = window.quantiles_s()
    if quantiles is None:
        return None
    p50, p95, p99 = quantiles
    return Percentiles(p50=p50, p95=p95, p99=p99)
