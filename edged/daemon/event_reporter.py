"""Tells the outbox what the cameras' scenes have to say."""

from edged.config.settings import EventSettings
from edged.daemon import payloads as wording
from edged.daemon.camera_monitor import CameraMonitor
from edged.daemon.detections_gate import DetectionsGate
from edged.messaging.contract.header import Stamper
from edged.messaging.outbox import Outbox
from edged.scene.scene import SceneUpdate
from edged.vision.messages import ModelReady, Observation


class EventReporter:
    """Of all cameras of one configuration."""

    def __init__(self, settings: EventSettings, *, outbox: Outbox, stamper: Stamper) -> None:
        self._settings = settings
        self._outbox = outbox
        self._stamper = stamper
        self._gates: dict[str, DetectionsGate] = {}

    def report_update(self, camera: CameraMonitor, update: SceneUpdate, model_name: str) -> None:
        """Tell what has changed in a camera's scene."""
        for told in update.events:
            self._outbox.queue_event(
                wording.build_event(
                    told, camera=camera.name, model=model_name, stamper=self._stamper
                )
            )
        if update.state_changed:
            self.report_state(camera)

    def report_state(self, camera: CameraMonitor) -> None:
        """Tell how a camera's scene is."""
        self._outbox.retain(
            wording.build_camera_state(
                camera.scene_state, camera=camera.name, online=camera.is_online
            )
        )

    def report_detections(
        self,
        camera: CameraMonitor,
        observation: Observation,
        update: SceneUpdate,
        model_info: ModelReady,
        now_ns: int,
    ) -> None:
        """Tell what the model saw in one frame, if that is asked for and not too often."""
        if not self._settings.detections:
            return
        gate = self._gates.get(camera.name)
        if gate is None:
            gate = DetectionsGate(max_hz=self._settings.max_detections_hz)
            self._gates[camera.name] = gate
        if gate.admit(len(update.detections), now_ns):
            message = wording.build_frame_detections(
                observation,
                update.detections,
                camera=camera.name,
                model=model_info.model_name,
                labels=model_info.labels,
                stamper=self._stamper,
            )
            self._outbox.publish_detections(message)
