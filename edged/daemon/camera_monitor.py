"""One camera in the supervisor: its scene, its worker's reports and its statistics."""

from collections import Counter

from edged.clock import NS_PER_S
from edged.daemon.stage_latencies import StageLatencies
from edged.messaging.contract.camera_health import CameraHealth
from edged.metrics import CumulativeCounter, Rate
from edged.scene.filters import NO_SETTINGS
from edged.scene.scene import Scene, SceneState, SceneUpdate
from edged.types import ClassNames
from edged.vision.camera_messages import CameraReport, PictureAtRest
from edged.vision.messages import ModelReady, Observation


class CameraMonitor:
    """The state of one camera."""

    def __init__(self, name: str, *, has_histograms: bool = False) -> None:
        """Begin without a worker.

        Args:
            name: name of the camera.
            has_histograms: keep histograms of the latencies, for the metrics.
        """
        self.name = name
        self.scene_state = SceneState()
        self._model: ModelReady | None = None
        self.recommended_filters = NO_SETTINGS
        """The filters of the model's maker that the scene was built with."""
        self.class_names = ClassNames(())
        """The names of the model's classes."""
        self._scene: Scene | None = None
        """None until the model's labels are known."""
        self.report: CameraReport | None = None
        """The worker's latest; None while no worker has this camera."""
        self.highest_class_id: int | None = None
        """Of the detections since the scene was set; None before there is one."""
        self._captured = CumulativeCounter()
        self._dropped = CumulativeCounter()
        self._inferred = CumulativeCounter()
        self._failed = CumulativeCounter()
        self._still = CumulativeCounter()
        self._over_rate = CumulativeCounter()
        self._rate_in = Rate()
        self._rate_inferred = Rate()
        self.latencies = StageLatencies(has_histograms=has_histograms)
        self.event_counts: Counter[str] = Counter()
        """Events since the daemon's start, by type."""
        self._last_captured_ns: int | None = None
        self._last_observation: Observation | None = None
        """What the camera's picture shows while it is at rest; None if that is not known."""
        self.skipped_count = 0
        """Observations since the daemon's start that were not processed, because a newer one waited."""
        self._observed_count = 0
        """Number of the frame after the newest one that its worker ran the model on."""

    @property
    def model(self) -> ModelReady | None:
        """The model that runs on this camera's frames; None until one does."""
        return self._model

    def set_model(self, model: ModelReady | None) -> None:
        """Take note of the model that runs on this camera's frames; None: none does."""
        self._model = model
        self.class_names = ClassNames(model.labels if model else ())

    @property
    def is_online(self) -> bool:
        """True while the camera delivers frames."""
        return self.report is not None and self.report.state == "running"

    @property
    def drawn_scores(self) -> tuple[float, ...]:
        """The scores from which detections are drawn into pictures, by class id; the last one is for all other classes."""
        return () if self._scene is None else self._scene.filters.start_scores

    @property
    def has_ended(self) -> bool:
        """True once the camera was finite, and inference has run on its last frame."""
        return self.report is not None and self.report.state == "ended"

    @property
    def model_name(self) -> str:
        """The model that runs on this camera's frames; "" until one does, as in the contract."""
        return self.model.model_name if self.model else ""

    @property
    def frame_counts(self) -> tuple[int, int, int]:
        """Frames captured, inferred and dropped since the daemon's start."""
        return self._captured.total, self._inferred.total, self._dropped.total

    @property
    def read_count(self) -> int:
        """Frames that the workers have read since the daemon's start, those included that no report has counted yet."""
        return self._captured.previous_total + max(self._captured.current, self._observed_count)

    @property
    def failed_count(self) -> int:
        """Frames on which the model failed since the daemon's start; they count as dropped too."""
        return self._failed.total

    @property
    def left_out_count(self) -> int:
        """Frames on which the model was not meant to run since the daemon's start: pictures at rest, and those above the largest rate."""
        return self.still_count + self.over_rate_count

    @property
    def still_count(self) -> int:
        """Pictures at rest, on which the model was not meant to run, since the daemon's start."""
        return self._still.total

    @property
    def over_rate_count(self) -> int:
        """Frames above the largest rate since the daemon's start."""
        return self._over_rate.total

    @property
    def last_frame_ns(self) -> int | None:
        """Monotonic time of the newest frame; None while no worker has delivered one."""
        return self.report.last_frame_ns if self.report else None

    def reset(self, zones: tuple[str, ...]) -> None:
        """Forget the worker and the scene: no worker has this camera yet. The counters go on."""
        self.report = None
        self.scene_state = SceneState.empty(zones)
        self._scene = None
        self._last_observation = self._last_captured_ns = None

    def set_scene(self, scene: Scene) -> None:
        """Use these rules from now on; the objects of the scene before have ended. A picture at rest still shows what it showed."""
        self._scene = scene
        self.highest_class_id = None

    def update_report(self, report: CameraReport) -> None:
        """Take the worker's report."""
        self.report = report
        if report.captured < self._captured.current:  # from another worker
            self._observed_count = 0
        self._captured.update(report.captured)
        self._dropped.update(report.dropped + report.failed)
        self._failed.update(report.failed)
        self._inferred.update(report.inferred)
        self._still.update(report.still)
        self._over_rate.update(report.over_rate)

    def observe(self, observation: Observation, now_ns: int) -> tuple[SceneUpdate, ...]:
        """Take one inferred frame; return what it changed in the scene, in order."""
        self.latencies.record(observation, now_ns)
        self._observed_count = observation.frame_seq + 1
        if self._scene is None:
            return ()
        # A replay that starts over has a new time line, and its objects are others.
        final_update = self.end_all_objects() if self._has_restarted(observation) else None
        self._last_captured_ns = observation.captured_ns
        self._last_observation = observation
        self._record_classes(observation)
        update = _observe(self._scene, observation, observation, moving=observation.moving)
        self.scene_state = update.state
        return (update,) if final_update is None else (final_update, update)

    def _record_classes(self, observation: Observation) -> None:
        for detected in observation.detections:
            if self.highest_class_id is None or detected.class_id > self.highest_class_id:
                self.highest_class_id = detected.class_id

    def skip(self) -> None:
        """Count an observation that is not processed; a rest after it would be one of a picture that is not known."""
        self.skipped_count += 1
        self.forget_picture()

    def forget_picture(self) -> None:
        """Wait for an observation: what the picture shows is not known any more."""
        self._last_observation = None

    def observe_rest(self, rest: PictureAtRest) -> SceneUpdate | None:
        """Let time pass in a scene whose picture is at rest; return what that changed, or None if no observation is known."""
        self._observed_count = rest.frame_seq + 1
        last = self._last_observation
        if self._scene is None or last is None or rest.captured_ns < last.captured_ns:
            return None
        self._last_captured_ns = rest.captured_ns
        # As if the model had run on this frame, and found the same.
        update = _observe(self._scene, last, rest, moving=False)
        self.scene_state = update.state
        return update

    def _has_restarted(self, observation: Observation) -> bool:
        last_ns = self._last_captured_ns
        return last_ns is not None and observation.captured_ns < last_ns

    def end_all_objects(self) -> SceneUpdate | None:
        """End every object of the scene; return what that changed, or None if no frame has been inferred."""
        if self._scene is None or self._last_captured_ns is None:
            return None
        update = self._scene.end_all(self._last_captured_ns)
        self.scene_state = update.state
        return update

    def sample_health(self, now_ns: int) -> CameraHealth:
        """Return the camera's part of `up/health`; rates are over the time since the last call."""
        last_ns = self.last_frame_ns
        captured, inferred, dropped = self.frame_counts
        return CameraHealth(
            online=self.is_online,
            fps_in=round(self._rate_in.update(captured, now_ns), 2),
            fps_inferred=round(self._rate_inferred.update(inferred, now_ns), 2),
            frames=captured,
            inferred=inferred,
            dropped=dropped,
            still=self.still_count,
            over_rate=self.over_rate_count,
            observations_skipped=self.skipped_count,
            last_frame_age_s=None if last_ns is None else round((now_ns - last_ns) / NS_PER_S, 3),
            latency_s=self.latencies.compute_percentiles(),
        )


def _observe(
    scene: Scene, found: Observation, at: Observation | PictureAtRest, *, moving: bool
) -> SceneUpdate:
    """Let a scene take in what was found in one frame, at the time of that frame or of a later one."""
    return scene.observe(
        found.detections,
        captured_ns=at.captured_ns,
        frame_seq=at.frame_seq,
        width=found.width,
        height=found.height,
        moving=moving,
    )
