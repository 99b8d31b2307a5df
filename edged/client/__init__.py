"""A typed client for programs that subscribe to devices.

`EdgedClient` connects to the broker, decodes, leaves duplicates out, and notices gaps and late wills; it also sends commands. `MessageReader` does the same
for messages that arrive in another way: it has no connection of its own. docs/programs.md has examples.
"""

from edged.client.client import EdgedClient
from edged.client.notices import (
    LateWill,
    LinkDown,
    LinkUp,
    Notice,
    NumberingRestarted,
    NumbersMissing,
    PictureReceived,
    Received,
    Removed,
    TopicRefused,
    Unreadable,
)
from edged.client.reader import MessageReader
from edged.client.remote_device import RemoteDevice
from edged.errors import RemoteCommandError
from edged.messaging.contract.commands import CameraSwitches, CommandError, Reply
from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from edged.messaging.contract.messages import (
    CameraState,
    Detection,
    Event,
    FrameDetections,
    Gap,
    OnlineStatus,
)
from edged.messaging.contract.model import ModelState
from edged.publishers.mqtt_settings import MqttSettings, TlsSettings

__all__ = [
    "CameraState",
    "CameraSwitches",
    "CommandError",
    "Detection",
    "DeviceHealth",
    "DeviceInfo",
    "EdgedClient",
    "Event",
    "FrameDetections",
    "Gap",
    "LateWill",
    "LinkDown",
    "LinkUp",
    "MessageReader",
    "ModelState",
    "MqttSettings",
    "Notice",
    "NumberingRestarted",
    "NumbersMissing",
    "OnlineStatus",
    "PictureReceived",
    "Received",
    "RemoteCommandError",
    "RemoteDevice",
    "Removed",
    "Reply",
    "TlsSettings",
    "TopicRefused",
    "Unreadable",
]
