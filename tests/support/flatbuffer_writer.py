"""A minimal FlatBuffers writer: tables as mappings from slots to values. Layout: FlatBuffers internals, as in edged's reader."""

import struct
from collections.abc import Mapping, Sequence

import numpy as np

Scalar = tuple[str, float]
"""A `struct` format and a number."""
Table = Mapping[int, object]
"""Slot -> Scalar, str, bytes, array of numbers, Table, or a sequence of tables; None is left out."""
_DATA_ALIGNMENT = 16


def write_flatbuffer(root: Table, identifier: bytes) -> bytes:
    """Return a buffer with the root table and everything below it.

    Args:
        root: the root table.
        identifier: the four bytes of the file's type.
    """
    content = bytearray(8)
    content[4:8] = identifier
    struct.pack_into("<I", content, 0, _write_table(content, root))
    return bytes(content)


def _write_table(content: bytearray, table: Table) -> int:
    """Append the vtable, the table, and then what it refers to; return the table's position."""
    fields = {slot: value for slot, value in sorted(table.items()) if value is not None}
    sizes = [struct.calcsize(v[0]) if _is_scalar(v) else 4 for v in fields.values()]  # type: ignore[index] # a scalar is a pair
    offsets, position = {}, 4
    for slot, size in zip(fields, sizes, strict=True):
        position += -position % size
        offsets[slot] = position
        position += size
    count = max(fields, default=-1) + 1
    vtable = [4 + 2 * count, position, *(offsets.get(slot, 0) for slot in range(count))]
    _align(content, 8)
    # The vtable lies so that the table behind it is aligned.
    content += bytes(-2 * len(vtable) % 8)
    vtable_at = len(content)
    content += struct.pack(f"<{len(vtable)}H", *vtable)
    start = len(content)
    content += bytes(position)
    struct.pack_into("<i", content, start, start - vtable_at)
    for slot, value in fields.items():
        at = start + offsets[slot]
        if isinstance(value, tuple) and _is_scalar(value):
            struct.pack_into("<" + value[0], content, at, value[1])
        else:
            struct.pack_into("<I", content, at, _write_value(content, value) - at)
    return start


def _write_value(content: bytearray, value: object) -> int:
    if isinstance(value, Mapping):
        return _write_table(content, value)
    if isinstance(value, str):
        return _write_vector(content, value.encode(), b"\0")
    if isinstance(value, bytes):
        return _write_vector(content, value)
    if isinstance(value, np.ndarray):
        return _write_vector(content, value.tobytes(), count=len(value))
    assert isinstance(value, Sequence)
    return _write_tables(content, value)


def _write_tables(content: bytearray, tables: Sequence[Table]) -> int:
    start = _write_vector(content, bytes(4 * len(tables)), count=len(tables))
    for i, table in enumerate(tables):
        at = start + 4 + 4 * i
        struct.pack_into("<I", content, at, _write_table(content, table) - at)
    return start


def _write_vector(
    content: bytearray, items: bytes, end: bytes = b"", *, count: int | None = None
) -> int:
    content += bytes(-(len(content) + 4) % _DATA_ALIGNMENT)
    start = len(content)
    content += struct.pack("<I", len(items) if count is None else count) + items + end
    return start


def _align(content: bytearray, size: int) -> None:
    content += bytes(-len(content) % size)


def _is_scalar(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)
