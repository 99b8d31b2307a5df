"""The interfaces that drivers implement, one file per kind. Each has one contract test that runs over its whole registry."""

from edged.interfaces.camera import Camera, CameraInfo, Reducible, Resumable
from edged.interfaces.family import ModelFamily
from edged.interfaces.fetcher import Fetcher, Transfer
from edged.interfaces.interpreter import Interpreter
from edged.interfaces.library import Library
from edged.interfaces.publisher import (
    ConsumerClosed,
    Delivered,
    LinkChanged,
    MessageReceived,
    Notice,
    OutgoingMessage,
    Publisher,
    PublishLimited,
    RoomAvailable,
    SubscriptionRefused,
)

__all__ = [
    "Camera",
    "CameraInfo",
    "ConsumerClosed",
    "Delivered",
    "Fetcher",
    "Interpreter",
    "Library",
    "LinkChanged",
    "MessageReceived",
    "ModelFamily",
    "Notice",
    "OutgoingMessage",
    "PublishLimited",
    "Publisher",
    "Reducible",
    "Resumable",
    "RoomAvailable",
    "SubscriptionRefused",
    "Transfer",
]
