"""Just enough FlatBuffers to read a .tflite file's own metadata.

The layout is that of the FlatBuffers internals document: a table begins with a signed offset back to its vtable, whose entries
are the offsets of the fields, 0 where a field is absent; strings, vectors and tables are reached by an unsigned offset
relative to where it stands. Every access is checked against the buffer, because the file is not trusted.
"""

import struct
from mmap import mmap

Buffer = bytes | mmap


class FlatbufferError(ValueError):
    """An offset leads out of the buffer."""


def unpack(buffer: Buffer, fmt: str, position: int) -> int:
    """One little-endian integer at `position`."""
    if position < 0 or position + struct.calcsize(fmt) > len(buffer):
        raise FlatbufferError(f"an offset leads to byte {position} of {len(buffer)}")
    (value,) = struct.unpack_from("<" + fmt, buffer, position)
    return int(value)


class FlatbufferTable:
    """One table of the buffer; fields are named by their slot, counted from 0 in the schema's order."""

    def __init__(self, buffer: Buffer, position: int) -> None:
        self._buffer = buffer
        self._position = position
        self._vtable = position - unpack(buffer, "i", position)
        self._vtable_size = unpack(buffer, "H", self._vtable)

    @classmethod
    def read_root(cls, buffer: Buffer) -> "FlatbufferTable":
        """The buffer's outermost table."""
        return cls(buffer, unpack(buffer, "I", 0))

    def read_integer(self, slot: int, fmt: str) -> int:
        """A scalar of the `struct` format `fmt`; 0 if absent."""
        field = self._field(slot)
        return unpack(self._buffer, fmt, field) if field else 0

    def read_table(self, slot: int) -> "FlatbufferTable | None":
        """A sub-table."""
        field = self._field(slot)
        return FlatbufferTable(self._buffer, self._follow(field)) if field else None

    def read_tables(self, slot: int) -> list["FlatbufferTable"]:
        """A vector of tables."""
        start, count = self._vector(slot, item_size=4)
        return [FlatbufferTable(self._buffer, self._follow(start + 4 * i)) for i in range(count)]

    def locate_bytes(self, slot: int) -> tuple[int, int]:
        """Where a vector of bytes begins in the buffer, and how many it has."""
        return self._vector(slot, item_size=1)

    def read_bytes(self, slot: int) -> bytes:
        """A vector of bytes."""
        start, count = self.locate_bytes(slot)
        return self._buffer[start : start + count]

    def read_text(self, slot: int) -> str:
        """A string; what is not UTF-8 in it is replaced."""
        return self.read_bytes(slot).decode("utf-8", "replace")

    def read_floats(self, slot: int) -> tuple[float, ...]:
        """A vector of float32."""
        start, count = self._vector(slot, item_size=4)
        return struct.unpack_from(f"<{count}f", self._buffer, start) if count else ()

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
            raise FlatbufferError(f"a vector at byte {start} has {count} items, past the end")
        return start + 4, count
