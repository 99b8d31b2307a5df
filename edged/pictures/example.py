"""A hard example: a picture, and in it what the device knew of it, as a comment of the JPEG. One file, so that neither is ever without the other."""

from typing import Literal

import msgspec
from msgspec import Struct

from edged.types import Box

ExampleReason = Literal["margin", "disagreement", "request"]
"""``margin``: a score was near its threshold; ``disagreement``: two models found different objects; ``request``: somebody asked for it."""

_FORMAT = "edged.example/1"
_START = b"\xff\xd8"
_MARKER = 0xFF
_COMMENT = 0xFE
_APPLICATION = range(0xE0, 0xF0)
_START_OF_SCAN = 0xDA
_LENGTH_BYTES = 2
_MAX_COMMENT_BYTES = 0xFFFF - _LENGTH_BYTES


class ExampleBox(Struct, frozen=True, kw_only=True):
    """What the model found in a hard example; nobody has checked it.

    Attributes:
        label: the name of its class.
        score: its score.
        box: its box, normalised to the picture.
        is_hidden: the object is made unrecognisable in the picture.
    """

    label: str
    score: float
    box: Box
    is_hidden: bool = False


class ExampleNote(Struct, frozen=True, kw_only=True, tag_field="format", tag=_FORMAT):
    """What the device knew of a hard example.

    Attributes:
        device: name of the device.
        camera: name of the camera.
        model: name of the model.
        reason: why the picture was kept.
        taken_ms: when, milliseconds since the Unix epoch.
        width: width of the picture, pixels.
        height: height of the picture, pixels.
        boxes: what the model found, the best first.
    """

    device: str
    camera: str
    model: str
    reason: ExampleReason
    taken_ms: int
    width: int
    height: int
    boxes: tuple[ExampleBox, ...] = ()


def add_note(jpeg: bytes, note: ExampleNote) -> bytes:
    """Return a JPEG with a note behind its application segments (ITU-T T.81, B.2.4.5); of a note that is too long, the last boxes are left out.

    Raises:
        ValueError: it is no JPEG.
    """
    content = msgspec.json.encode(note)
    while len(content) > _MAX_COMMENT_BYTES:
        boxes = note.boxes[: len(note.boxes) // 2]
        note = msgspec.structs.replace(note, boxes=boxes)
        content = msgspec.json.encode(note)
    place = next(at for kind, at, _ in _list_segments(jpeg) if kind not in _APPLICATION)
    size = (len(content) + _LENGTH_BYTES).to_bytes(_LENGTH_BYTES, "big")
    return b"".join((jpeg[:place], bytes((_MARKER, _COMMENT)), size, content, jpeg[place:]))


def read_note(jpeg: bytes) -> ExampleNote:
    """Return the note in a JPEG.

    Raises:
        ValueError: it is no JPEG, or has no note that can be read.
    """
    for kind, at, end in _list_segments(jpeg):
        if kind == _COMMENT:
            content = jpeg[at + 2 + _LENGTH_BYTES : end]
            return msgspec.json.decode(content, type=ExampleNote)
    raise ValueError("the picture has no note of a hard example")


def _list_segments(jpeg: bytes) -> list[tuple[int, int, int]]:
    """Return kind, start and end of each segment up to the first scan."""
    if not jpeg.startswith(_START):
        raise ValueError("no JPEG")
    found, at, kind = [], len(_START), 0
    while kind != _START_OF_SCAN:
        header = jpeg[at : at + 2 + _LENGTH_BYTES]
        size = int.from_bytes(header[2:], "big")
        if len(header) < 2 + _LENGTH_BYTES or header[0] != _MARKER or size < _LENGTH_BYTES:
            raise ValueError(f"a damaged JPEG: no segment at byte {at}")
        kind = header[1]
        found.append((kind, at, at + 2 + size))
        at += 2 + size
    return found
