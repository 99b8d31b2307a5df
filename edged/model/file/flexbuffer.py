"""A minimal FlexBuffers reader, for the options of a custom operator: one map of scalars.

The layout is that of the FlatBuffers documentation's page on FlexBuffers: the last byte is the width of the root, the byte
before it the root's packed type, and before that is the root itself. Offsets count backwards from their own position. Every
access is checked against the buffer, because the file is not trusted.
"""

import struct

from edged.model.file.flatbuffer import FlatbufferError, unpack

_INT, _UINT, _FLOAT = 1, 2, 3
_INDIRECT = 5
"""The distance from a scalar's type to the type of the same scalar that is reached by an offset."""
_MAP, _BOOL = 9, 26
_WIDTHS = {1: "B", 2: "H", 4: "I", 8: "Q"}
_FORMATS = {_INT: "bhiq", _UINT: "BHIQ", _BOOL: "BHIQ", _FLOAT: "eefd"}
"""`struct` formats of a scalar of 1, 2, 4 and 8 bytes."""
_MAX_KEYS = 1000


def read_scalars(buffer: bytes) -> dict[str, float]:
    """Return the numbers and booleans of a map, by key; entries of other types are left out.

    Raises:
        FlatbufferError: the buffer is not a map, or an offset points outside the buffer.
    """
    if len(buffer) < 3 or buffer[-2] >> 2 != _MAP:  # noqa: PLR2004 - the root, its type and its width
        raise FlatbufferError("a custom operator's options are not a map")
    start = _follow(buffer, len(buffer) - 2 - buffer[-1], buffer[-1])
    width = 1 << (buffer[-2] & 3)
    count = _read_unsigned(buffer, start - width, width)
    keys_width = _read_unsigned(buffer, start - 2 * width, width)
    keys = _follow(buffer, start - 3 * width, width)
    if count > _MAX_KEYS:
        raise FlatbufferError(f"a custom operator has {count} options")
    scalars = {}
    for i in range(count):
        packed_type = unpack(buffer, "B", start + count * width + i)
        value = _read_scalar(buffer, start + i * width, width, packed_type)
        if value is not None:
            key = _follow(buffer, keys + i * keys_width, keys_width)
            scalars[buffer[key : buffer.find(b"\0", key)].decode("utf-8", "replace")] = value
    return scalars


def _read_scalar(buffer: bytes, position: int, width: int, packed_type: int) -> float | None:
    kind = packed_type >> 2
    if _INT <= kind - _INDIRECT <= _FLOAT:
        kind -= _INDIRECT
        position, width = _follow(buffer, position, width), 1 << (packed_type & 3)
    if kind not in _FORMATS:
        return None
    if position + width > len(buffer):
        raise FlatbufferError(f"an offset points to byte {position} of {len(buffer)}")
    fmt = _FORMATS[kind][(1, 2, 4, 8).index(width)]
    (value,) = struct.unpack_from("<" + fmt, buffer, position)
    return float(value) if kind == _FLOAT else int(value)


def _follow(buffer: bytes, position: int, width: int) -> int:
    target = position - _read_unsigned(buffer, position, width)
    if target < 0:
        raise FlatbufferError(f"an offset points to byte {target}")
    return target


def _read_unsigned(buffer: bytes, position: int, width: int) -> int:
    if width not in _WIDTHS:
        raise FlatbufferError(f"a value has {width} bytes")
    return unpack(buffer, _WIDTHS[width], position)
