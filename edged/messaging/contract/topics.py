"""All topic names, in one place.

Each device has two trees, so that one access rule each is enough, and no device can write its own commands: it writes below
``up/`` and reads below ``down/``.
"""

from dataclasses import dataclass

from edged.messaging.contract.commands import CameraSwitches, Reply
from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from edged.messaging.contract.header import Header
from edged.messaging.contract.messages import CameraState, Event, FrameDetections, Gap, OnlineStatus
from edged.messaging.contract.model import ModelState

ROOT = "edged/v1"

_DEVICE_LEAVES: dict[type[Header], str] = {
    OnlineStatus: "status",
    DeviceInfo: "info",
    DeviceHealth: "health",
    ModelState: "model",
    Gap: "gap",
    Reply: "reply",
}
_CAMERA_LEAVES: dict[type[Header], str] = {
    Event: "events",
    FrameDetections: "detections",
    CameraState: "state",
    CameraSwitches: "switches",
}
"""The topics below those of the device, and below those of a camera."""


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

    @property
    def commands(self) -> str:
        """Topic filter of the commands, one topic a verb."""
        return f"{self.down}/cmd/+"

    def find_verb(self, topic: str) -> str | None:
        """Return the verb that a command's topic names; None for any other topic."""
        prefix = f"{self.down}/cmd/"
        return topic.removeprefix(prefix) if topic.startswith(prefix) else None

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
        kind = type(message)
        if leaf := _DEVICE_LEAVES.get(kind):
            return f"{self.up}/{leaf}"
        if leaf := _CAMERA_LEAVES.get(kind):
            return f"{self.up}/camera/{message.camera}/{leaf}"  # type: ignore[attr-defined]  # the table has only such
        raise TypeError(f"{kind.__name__} has no topic")
