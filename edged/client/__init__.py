"""A typed client for programs that subscribe to devices.

`EdgedClient` connects to the broker, decodes, leaves duplicates out, and notices gaps and late wills. `MessageReader` does the same
for messages that arrive in another way: it has no connection of its own. docs/programs.md has examples.
"""

from edged.client.client import EdgedClient
from edged.client.device_view import DeviceView
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
    SubscriptionRefused,
    Unreadable,
)
from edged.client.reader import MessageReader
from edged.publishers.mqtt_settings import MqttSettings, TlsSettings

__all__ = [
    "DeviceView",
    "EdgedClient",
    "LateWill",
    "LinkDown",
    "LinkUp",
    "MessageReader",
    "MqttSettings",
    "Notice",
    "NumberingRestarted",
    "NumbersMissing",
    "PictureReceived",
    "Received",
    "Removed",
    "SubscriptionRefused",
    "TlsSettings",
    "Unreadable",
]
