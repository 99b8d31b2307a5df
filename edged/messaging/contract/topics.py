"""All topic names, in one place.

Each device has two trees, so that one access rule each is enough, and no device can write its own commands: it writes below
``up/`` and reads below ``down/``.
"""

from dataclasses import dataclass

from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from edged.messaging.contract.header import Header
from edged.messaging.contract.messages import CameraState, Event, FrameDetections, Gap, OnlineStatus
from edged.messaging.contract.model import ModelState

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
        """Root of the topics that the device writes."""
        return f"{ROOT}/{self.device}/up"

    @property
    def down(self) -> str:
        """Root of the topics that the device reads."""
        return f"{ROOT}/{self.device}/down"

    @property
    def desired(self) -> str:
        """Topic of the signed, retained desired state."""
        return f"{self.down}/desired"

    def detections_of(self, camera: str) -> str:
        """Return the topic of a camera's detections."""
        return f"{self.up}/camera/{camera}/detections"

    def snapshot_of(self, camera: str, event_id: str | None = None) -> str:
        """Return the topic of a camera's newest picture, or of the pictures of one object."""
        newest = f"{self.up}/camera/{camera}/snapshot"
        return newest if event_id is None else f"{newest}/{event_id}"

    def of(self, message: Header) -> str:
        """Return the topic of a message.

        Raises:
            TypeError: the message has no topic.
        """
        match message:
            case OnlineStatus():
                leaf = "status"
            case DeviceInfo():
                leaf = "info"
            case DeviceHealth():
                leaf = "health"
            case ModelState():
                leaf = "model"
            case Gap():
                leaf = "gap"
            case Event(camera=camera):
                leaf = f"camera/{camera}/events"
            case FrameDetections(camera=camera):
                leaf = f"camera/{camera}/detections"
            case CameraState(camera=camera):
                leaf = f"camera/{camera}/state"
            case _:
                raise TypeError(f"{type(message).__name__} has no topic")
        return f"{self.up}/{leaf}"
