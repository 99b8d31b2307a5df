"""The interfaces that drivers implement, one file per kind. Each has one contract test that runs over its whole registry.

Those whose drivers compute with arrays are imported when they are first named: the supervisor uses none of them, and runs without numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from edged.interfaces.dialect import Dialect, ForeignMessage
from edged.interfaces.fetcher import Fetcher, Transfer
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

if TYPE_CHECKING:
    from edged.interfaces.camera import Camera, CameraInfo, Reducible, Resumable
    from edged.interfaces.family import ModelFamily
    from edged.interfaces.interpreter import Interpreter

_ARRAY_INTERFACES = {
    "Camera": "edged.interfaces.camera",
    "CameraInfo": "edged.interfaces.camera",
    "Interpreter": "edged.interfaces.interpreter",
    "ModelFamily": "edged.interfaces.family",
    "Reducible": "edged.interfaces.camera",
    "Resumable": "edged.interfaces.camera",
}
"""The modules of the names that need numpy."""

__all__ = [
    "Camera",
    "CameraInfo",
    "ConsumerClosed",
    "Delivered",
    "Dialect",
    "Fetcher",
    "ForeignMessage",
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


def __getattr__(name: str) -> Any:
    """Import and return an interface whose drivers compute with arrays.

    Raises:
        AttributeError: there is no such name here.
    """
    if name not in _ARRAY_INTERFACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ARRAY_INTERFACES[name]), name)
