"""Every topic name there is, in one place.

Two trees for each device, so that one access rule each is enough and no device can write its own commands: the device
writes below ``up/`` and reads below ``down/``.
"""

from dataclasses import dataclass

ROOT = "edged/v1"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one device.

    Attributes:
        device: its name, as in ``[device] name``.
    """

    device: str

    @property
    def up(self) -> str:
        """What the device writes: the root of the tree."""
        return f"{ROOT}/{self.device}/up"

    @property
    def status(self) -> str:
        """Retained `Status`; also the last will."""
        return f"{self.up}/status"

    @property
    def info(self) -> str:
        """Retained `Info`."""
        return f"{self.up}/info"

    @property
    def health(self) -> str:
        """Retained `Health`."""
        return f"{self.up}/health"

    @property
    def model(self) -> str:
        """Retained `ModelState`."""
        return f"{self.up}/model"

    @property
    def gap(self) -> str:
        """`Gap` records."""
        return f"{self.up}/gap"

    def detections(self, camera: str) -> str:
        """`FrameDetections` of one camera."""
        return f"{self.up}/camera/{camera}/detections"

    def events(self, camera: str) -> str:
        """`Event` messages of one camera."""
        return f"{self.up}/camera/{camera}/events"

    def state(self, camera: str) -> str:
        """Retained `CameraState` of one camera."""
        return f"{self.up}/camera/{camera}/state"
