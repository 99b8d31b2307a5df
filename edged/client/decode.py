"""Decoding of what arrives on the devices' topics. Pure."""

from functools import cache
from typing import Any, Union

import msgspec

from edged.errors import MessageError
from edged.messaging.contract.header import Header
from edged.messaging.contract.schema import MESSAGES
from edged.messaging.contract.topics import ROOT, Topics

_PICTURE = "snapshot"


def split_topic(topic: str) -> tuple[str, str]:
    """Return the device of a topic, and the part after ``up/``.

    Raises:
        MessageError: no device writes this topic.
    """
    root, _, rest = topic.partition(f"{ROOT}/")
    device, up, leaf = (*rest.split("/", 2), "", "")[:3]
    if root or up != "up" or not device or not leaf:
        raise MessageError("no topic of this contract")
    return device, leaf


def picture_camera(leaf: str) -> str | None:
    """Return the camera whose pictures have this topic; None if it is no topic of pictures."""
    match leaf.split("/"):
        case ["camera", camera, word] if word == _PICTURE:
            return camera
    return None


def decode_message(topic: str, payload: bytes) -> Header:
    """Decode a message, and check that it belongs to its topic.

    Raises:
        MessageError: it is not of this contract, or of a newer one, or stands in the topic of another.
    """
    try:
        message = _decoder().decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(str(error)) from error
    if Topics(message.device).of(message) != topic:
        raise MessageError(
            f"the payload belongs to another topic: {Topics(message.device).of(message)}"
        )
    return message


@cache
def _decoder() -> "msgspec.json.Decoder[Header]":
    kinds: Any = Union[tuple(MESSAGES.values())]  # noqa: UP007 (the members are known when it runs)
    return msgspec.json.Decoder(kinds)
