"""Reports the cameras' scenes: builds the contract's payloads and hands them to the outbox."""

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from edged.clock import NS_PER_S
from edged.config.settings import EventSettings
from edged.daemon.camera_monitor import CameraMonitor
from edged.messaging.contract.header import Stamper
from edged.messaging.contract.messages import CameraState, Detection, Event, FrameDetections
from edged.messaging.contract.topics import Topics
from edged.messaging.outbox import Outbox
from edged.scene.events import TrackEvent
from edged.scene.scene import Counts, SceneState, SceneUpdate
from edged.types import Box, ClassNames, DetectedBox
from edged.vision.messages import Observation

_STEPS = 10_000
"""Fractions have four digits: a tenth of a pixel in a frame of a thousand."""


class EventReporter:
    """Reports on all cameras."""

    def __init__(
        self,
        settings: EventSettings,
        *,
        outbox: Outbox,
        stamper: Stamper,
    ) -> None:
        """Report nothing yet.

        Args:
            settings: ``[events]``.
            outbox: takes the messages.
            stamper: turns monotonic times into wall-clock times.
        """
        self._topics = Topics(stamper.identity.device)
        self.picture_cameras: Collection[str] = ()
        """The cameras of whose objects pictures are published."""
        self._settings = settings
        self._outbox = outbox
        self._stamper = stamper
        self._gates: dict[str, DetectionsGate] = {}

    def apply_settings(self, settings: EventSettings) -> None:
        """Report by these settings from now on."""
        if settings != self._settings:
            self._settings = settings
            self._gates.clear()

    def report_update(self, camera: CameraMonitor, update: SceneUpdate) -> None:
        """Report the events of a camera's scene, and its state if that has changed."""
        for event in update.events:
            camera.event_counts[event.type] += 1
            message = _build_event(
                event, camera=camera.name, model=camera.model_name, stamper=self._stamper
            )
            if camera.name in self.picture_cameras:
                topic = self._topics.snapshot_of(camera.name, message.id)
                message = replace(message, snapshot=topic)
            self._outbox.queue_event(message)
        if update.state_changed:
            self.report_state(camera)

    def report_state(self, camera: CameraMonitor) -> None:
        """Report the state of a camera and its scene."""
        self._outbox.retain(
            _build_camera_state(camera.scene_state, camera=camera.name, online=camera.is_online)
        )

    def report_frame(
        self,
        camera: CameraMonitor,
        observation: Observation,
        updates: Sequence[SceneUpdate],
        now_ns: int,
    ) -> None:
        """Report what a frame has changed, and its detections, if the settings ask for them, and not too often.

        Args:
            camera: the frame's camera.
            observation: the frame.
            updates: what it has changed in the scene, in order.
            now_ns: monotonic time.
        """
        for update in updates:
            self.report_update(camera, update)
        if updates and self._settings.detections and camera.model is not None:
            self._report_detections(camera, observation, updates[-1], now_ns)

    def _report_detections(
        self,
        camera: CameraMonitor,
        observation: Observation,
        update: SceneUpdate,
        now_ns: int,
    ) -> None:
        if not self._get_gate(camera.name).admit(len(update.detections), now_ns):
            return
        message = FrameDetections(
            camera=camera.name,
            frame=observation.frame_seq,
            captured=self._stamper.time_of(observation.captured_ns),
            received_ns=observation.received_ns,
            width=observation.width,
            height=observation.height,
            model=camera.model_name,
            detections=_build_detections(update.detections, camera.class_names),
        )
        self._outbox.publish_detections(message)

    def _get_gate(self, camera: str) -> "DetectionsGate":
        gate = self._gates.get(camera)
        if gate is None:
            gate = self._gates[camera] = DetectionsGate(max_hz=self._settings.max_detections_hz)
        return gate


class DetectionsGate:
    """Decides which frames of one camera have their detections reported: those with any, up to a rate, and one empty one when they end."""

    def __init__(self, *, max_hz: float) -> None:
        self._interval_ns = int(NS_PER_S / max_hz)
        self._last_admitted_ns: int | None = None
        self._is_empty_reported = True

    def admit(self, detection_count: int, now_ns: int) -> bool:
        """Return whether to report a frame with this number of detections; called once for each frame."""
        if detection_count == 0 and self._is_empty_reported:
            return False
        is_too_soon = (
            self._last_admitted_ns is not None
            and now_ns - self._last_admitted_ns < self._interval_ns
        )
        if detection_count and is_too_soon:
            return False
        self._last_admitted_ns = now_ns
        self._is_empty_reported = detection_count == 0
        return True


def _build_event(event: TrackEvent, *, camera: str, model: str, stamper: Stamper) -> Event:
    ended = event.ended_ns
    return Event(
        camera=camera,
        type=event.type.value,
        id=f"{stamper.identity.session}-{event.id}",
        label=event.label,
        score=_round(event.score),
        top_score=_round(event.top_score),
        top_median_score=_round(event.top_median_score),
        box=_round_box(event.box),
        width=event.width,
        height=event.height,
        zones=event.zones,
        entered_zones=event.entered_zones,
        started=stamper.time_of(event.started_ns),
        ended=None if ended is None else stamper.time_of(ended),
        duration_s=round((event.seen_ns - event.started_ns) / NS_PER_S, 3),
        stationary=event.stationary,
        path=tuple((_round(x), _round(y)) for x, y in event.path),
        model=model,
        frame=event.frame_seq,
    )


def _build_camera_state(scene_state: SceneState, *, camera: str, online: bool) -> CameraState:
    return CameraState(
        camera=camera,
        online=online,
        occupied=scene_state.occupied,
        motion=scene_state.motion,
        counts=dict(scene_state.counts),
        active=dict(scene_state.active),
        zones=_copy_counts(scene_state.zones),
        zones_active=_copy_counts(scene_state.zones_active),
    )


def _build_detections(
    detections: Sequence[DetectedBox], class_names: ClassNames
) -> tuple[Detection, ...]:
    return tuple(
        [
            Detection(
                label=class_names[detected.class_id],
                score=_round(detected.score),
                box=_round_box(detected.box),
            )
            for detected in detections
        ]
    )


def _copy_counts(zones: Mapping[str, Counts]) -> dict[str, dict[str, int]]:
    return {zone: dict(counts) for zone, counts in zones.items()}


def _round_box(box: Box) -> Box:
    x1, y1, x2, y2 = box
    return _round(x1), _round(y1), _round(x2), _round(y2)


def _round(value: float) -> float:
    """Round to four digits: what `round` with digits returns for a float32, in a fifth of the time."""
    return round(value * _STEPS) / _STEPS
