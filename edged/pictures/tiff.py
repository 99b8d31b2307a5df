"""The first directory of a TIFF file, in which EXIF has its tags, too."""

import struct
from typing import BinaryIO

_INTEGER_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""BYTE, SHORT, LONG, LONG8: TIFF 6.0 and BigTIFF."""
_MAX_ENTRIES = 4096


def read_tiff_tags(file: BinaryIO, base: int) -> dict[int, int]:
    """Read the tags of the first directory that have one integer as their value.

    Args:
        file: a TIFF file, or one that contains such.
        base: where it begins in the file, bytes.

    Raises:
        struct.error: the file ends too early.
    """
    file.seek(base)
    start = file.read(16)
    order = "<" if start.startswith(b"II") else ">"
    is_big = struct.unpack_from(order + "H", start, 2)[0] == 43  # noqa: PLR2004 - BigTIFF's version
    count_format, entry_size = (order + "Q", 20) if is_big else (order + "H", 12)
    offset: int = struct.unpack_from(order + ("8xQ" if is_big else "4xI"), start)[0]
    file.seek(base + offset)
    (count,) = struct.unpack(count_format, file.read(struct.calcsize(count_format)))
    tags = {}
    for _ in range(min(count, _MAX_ENTRIES)):
        entry = file.read(entry_size)
        tag, kind = struct.unpack_from(order + "HH", entry)
        if kind in _INTEGER_TYPES:
            value_at = 12 if is_big else 8
            (tags[tag],) = struct.unpack_from(order + _INTEGER_TYPES[kind], entry, value_at)
    return tags
