"""The frames on which the model runs: each camera's motion gate and largest rate. docs/scheduling.md explains them."""

from collections.abc import Iterable, Mapping

from edged.clock import NS_PER_S
from edged.types import Detections, Frame
from edged.vision.camera_messages import CameraPlan
from edged.vision.worker.frame_pace import FramePace
from edged.vision.worker.motion_gate import FoundObjects, GateRules, MotionGate
from edged.vision.worker.slots import FrameSlots
from edged.vision.worker.stage_results import PreparedFrame

_BORDERLINE = 0.1
"""A score this near to its threshold can be above or below it by noise alone: on a real clip at rest scores moved by 0.04."""
_REST_INTERVAL_NS = NS_PER_S // 4
"""Between two reports of a picture at rest: tracks, counts and events follow the time with it."""
_MAX_GAP_NS = 2 * NS_PER_S
"""After a longer time without a frame the camera was lost, and what its picture showed before does not count."""

_NEVER_NS = 1 << 63
"""Beyond every time of a frame."""


class _CameraSelection:
    """The state of one camera."""

    def __init__(self, plan: CameraPlan, *, sees_every_frame: bool) -> None:
        inference = plan.inference
        self.plan = plan
        self.sees_every_frame = sees_every_frame
        self.has_gate = inference.has_gate and not sees_every_frame
        self.due_ns = 0 if inference.is_enabled else _NEVER_NS
        self.gate = MotionGate(GateRules(is_enabled=self.has_gate, recheck_s=inference.recheck_s))
        self.pace = FramePace(inference.max_fps)
        self.idle_ns = inference.idle_interval_ns
        self.rest_reported_ns: int | None = None
        self.looked_ns: int | None = None


class FrameSelection:
    """Chooses the frames of all cameras; one thread uses it."""

    def __init__(self, cameras: Iterable[str], slots: FrameSlots) -> None:
        """Choose every frame until `apply` says otherwise.

        Args:
            cameras: the cameras' names.
            slots: told which frames need not come at all.
        """
        self._slots = slots
        self._names = tuple(cameras)
        self._cameras: dict[str, _CameraSelection] = {}
        self._still = dict.fromkeys(self._names, 0)
        self._over_rate = dict.fromkeys(self._names, 0)

    def apply(self, plans: Mapping[str, CameraPlan], *, sees_every_frame: bool) -> None:
        """Choose by these plans from now on; a camera whose plan stays the same goes on.

        Args:
            plans: each camera's plan.
            sees_every_frame: True if no gate is to hold frames back: the model is measured.
        """
        for name, plan in plans.items():
            known = self._cameras.get(name)
            if known is None or (known.plan, known.sees_every_frame) != (plan, sees_every_frame):
                self._cameras[name] = _CameraSelection(plan, sees_every_frame=sees_every_frame)
                self._slots.defer(name, self._cameras[name].due_ns, is_still=False)

    def reset(self) -> None:
        """Run the model on each camera's next frames: it is another model."""
        for name in self._cameras:
            self.reset_camera(name)

    def reset_camera(self, name: str) -> None:
        """Run the model on a camera's next frames: the supervisor does not know what its picture shows."""
        camera = self._cameras[name]
        camera.gate.reset()
        self._slots.defer(name, camera.due_ns, is_still=False)

    def is_within_rate(self, frame: Frame) -> bool:
        """Return whether a frame is due by its camera's largest rate; one that is not is counted."""
        camera = self._cameras[frame.camera]
        if frame.captured_ns >= camera.due_ns and camera.pace.admit(frame.captured_ns):
            return True
        self._over_rate[frame.camera] += 1
        return False

    def admit(self, prepared: PreparedFrame) -> bool:
        """Return whether the model is to run on a frame; one on which it need not is counted."""
        frame = prepared.frame
        camera = self._cameras[frame.camera]
        looked_ns, camera.looked_ns = camera.looked_ns, frame.captured_ns
        if looked_ns is not None and frame.captured_ns - looked_ns > max(
            _MAX_GAP_NS, 3 * camera.idle_ns
        ):
            camera.gate.reset()
        if camera.gate.decide(frame.captured_ns, has_changed=prepared.has_changed):
            self._slots.defer(frame.camera, camera.pace.due_ns, is_still=False)
            return True
        self._still[frame.camera] += 1
        until_ns = max(frame.captured_ns + camera.idle_ns, camera.pace.due_ns)
        self._slots.defer(frame.camera, until_ns, is_still=True)
        return False

    def record(self, frame: Frame, detections: Detections) -> None:
        """Take note of what the model found in a frame."""
        camera = self._cameras[frame.camera]
        if camera.has_gate:
            camera.gate.record(frame.captured_ns, _summarize(detections, camera.plan.threshold))
            camera.rest_reported_ns = frame.captured_ns

    def is_rest_due(self, frame: Frame) -> bool:
        """Return whether the supervisor is to be told that a frame shows what the last one showed on which the model ran."""
        camera = self._cameras[frame.camera]
        last_ns = camera.rest_reported_ns
        if last_ns is not None and 0 <= frame.captured_ns - last_ns < _REST_INTERVAL_NS:
            return False
        camera.rest_reported_ns = frame.captured_ns
        return True

    def still_count(self, camera: str) -> int:
        """Return how many of a camera's frames showed nothing new, so that the model did not run on them."""
        return self._still[camera] + self._slots.deferred_count(camera, is_still=True)

    def over_rate_count(self, camera: str) -> int:
        """Return how many of a camera's frames were above its largest rate."""
        return self._over_rate[camera] + self._slots.deferred_count(camera, is_still=False)


def _summarize(detections: Detections, threshold: float) -> FoundObjects:
    scores = detections.scores.tolist()
    class_ids = detections.class_ids.tolist()
    return FoundObjects(
        strong_class_ids=tuple(
            sorted(
                class_id
                for class_id, score in zip(class_ids, scores, strict=True)
                if score >= threshold
            )
        ),
        count=len(scores),
        is_borderline=any(abs(score - threshold) < _BORDERLINE for score in scores),
    )
