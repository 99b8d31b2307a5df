"""Other options for the detection post-process of a real model file."""

import struct

from edged.model.file.flatbuffer import FlatbufferTable
from edged.model.file.flexbuffer import read_scalars
from edged.model.file.graph import POSTPROCESS_OP

_WIDTH_CODE = 2
"""4 bytes."""
_INT, _FLOAT, _MAP = 1, 3, 9


def with_postprocess_options(model: bytes, **options: float) -> bytes:
    """Return a file (without an appended zip) with other or more options; the runtimes size the operator's outputs by them."""
    at = _locate_options(model)
    (offset,) = struct.unpack_from("<I", model, at)
    (size,) = struct.unpack_from("<I", model, at + offset)
    old = read_scalars(model[at + offset + 4 : at + offset + 4 + size])
    new = encode_options(old | options)
    changed = bytearray(model + bytes(-len(model) % 16))
    struct.pack_into("<I", changed, at, len(changed) - at)
    return bytes(changed) + struct.pack("<I", len(new)) + new


def encode_options(options: dict[str, float]) -> bytes:
    """Return a FlexBuffer with a map of numbers, all of them 4 bytes long."""
    content, offsets = bytearray(), []
    for key in sorted(options):
        offsets.append(len(content))
        content += key.encode() + b"\0"
    content += bytes(-len(content) % 4) + struct.pack("<I", len(options))
    keys = len(content)
    for offset in offsets:
        content += struct.pack("<I", len(content) - offset)
    content += struct.pack("<III", len(content) - keys, 4, len(options))
    values = len(content)
    numbers = [options[key] for key in sorted(options)]
    for number in numbers:
        content += struct.pack("<f" if isinstance(number, float) else "<i", number)
    content += bytes((_FLOAT if isinstance(n, float) else _INT) << 2 | _WIDTH_CODE for n in numbers)
    content += bytes([len(content) - values, _MAP << 2 | _WIDTH_CODE, 1])
    return bytes(content)


def _locate_options(model: bytes) -> int:
    """Return the position of the offset of the operator's options."""
    root = FlatbufferTable.read_root(model)
    codes = [code.read_text(1) for code in root.read_tables(1)]
    (graph, *_) = root.read_tables(2)
    for operator in graph.read_tables(3):
        if codes[operator.read_integer(0, "I")] == POSTPROCESS_OP:
            return operator._field(5)  # nothing else needs the position of an offset
    raise AssertionError("no post-process")
