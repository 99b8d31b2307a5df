"""Tells the outbox what the cameras' scenes have to say."""

from edged.config.settings import EventSettings
from edged.daemon import payloads as wording
from edged.daemon.camera_state import CameraWatch
from edged.daemon.detections_gate import DetectionsGate
from edged.messaging.contract.header import Stamper
from edged.messaging.outbox import Outbox
from edged.scene.scene import SceneUpdate
from edged.vision.messages import Observation, Ready


class Teller:
    """Of all cameras of one configuration."""

    def __init__(self, settings: EventSettings, *, outbox: Outbox, stamper: Stamper) -> None:
        self._settings = settings
        self._outbox = outbox
        self._stamper = stamper
        self._gates: dict[str, DetectionsGate] = {}

    def update(self, watch: CameraWatch, update: SceneUpdate, model: str) -> None:
        """Tell what has changed in a camera's scene."""
        for told in update.events:
            self._outbox.event(
                wording.event(told, camera=watch.name, model=model, stamper=self._stamper)
            )
        if update.state_changed:
            self.state(watch)

    def state(self, watch: CameraWatch) -> None:
        """Tell how a camera's scene is."""
        self._outbox.retain(wording.state(watch.state, camera=watch.name, online=watch.online))

    def detections(
        self, watch: CameraWatch, seen: Observation, update: SceneUpdate, ready: Ready, now_ns: int
    ) -> None:
        """Tell what the model saw in one frame, if that is asked for and not too often."""
        if not self._settings.detections:
            return
        gate = self._gates.get(watch.name)
        if gate is None:
            gate = DetectionsGate(max_hz=self._settings.detections_max_hz)
            self._gates[watch.name] = gate
        if gate.admit(len(update.detections), now_ns):
            message = wording.detections(
                seen,
                update.detections,
                camera=watch.name,
                model=ready.model,
                labels=ready.labels,
                stamper=self._stamper,
            )
            self._outbox.detections(message)
