"""The size of a picture and how it is turned, read from its header without decoding it.

A few hundred bytes of a file can declare a picture of gigabytes, and OpenCV's own limit is 1,073,741,824 pixels.
"""

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from edged.pictures.tiff import read_tiff_tags

MAX_PICTURE_PX = 8192 * 8192
"""The most pixels of a picture that edged decodes: 200 MB in memory."""
FORMATS = "BMP, JPEG, PNG, PNM, TIFF or WebP"
"""The formats whose headers are known here."""

_TAG_WIDTH, _TAG_HEIGHT, _TAG_ORIENTATION = 256, 257, 274
_MAX_ORIENTATION = 8
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's start of frame, ITU-T T.81, table B.1."""
_BARE_MARKERS = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
"""JPEG's markers without a segment."""
_MAX_JPEG_STEPS = 65_536
"""Segments and stray bytes before the start of frame."""
_BMP_CORE_HEADER_BYTES = 12
_MAX_PNM_HEADER_BYTES = 4096


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What a picture's header says.

    Attributes:
        width: in pixels, as stored.
        height: in pixels, as stored.
        exif_orientation: 1 to 8, for WebP only, where OpenCV 4 does not apply it; 1 for other formats, where OpenCV does.
    """

    width: int
    height: int
    exif_orientation: int = 1


def read_header(file: BinaryIO) -> PictureHeader | None:
    """Read the header of a picture in any of the `FORMATS`; None if the file is none, or its header is damaged.

    Args:
        file: the picture, at its beginning; can be sought.
    """
    start = file.read(32)
    for magic, read in _READERS:
        if start.startswith(magic):
            try:
                header = read(file, start)
            except (struct.error, ValueError, OverflowError):
                return None
            return header if header and header.width > 0 and header.height > 0 else None
    return None


def _read_bmp(_file: BinaryIO, start: bytes) -> PictureHeader:
    (size,) = struct.unpack_from("<I", start, 14)
    kind = "<HH" if size == _BMP_CORE_HEADER_BYTES else "<ii"
    width, height = struct.unpack_from(kind, start, 18)
    return PictureHeader(width, abs(height))  # negative: the rows run downwards


def _read_png(_file: BinaryIO, start: bytes) -> PictureHeader | None:
    return PictureHeader(*struct.unpack_from(">II", start, 16)) if start[12:16] == b"IHDR" else None


def _read_jpeg(file: BinaryIO, _start: bytes) -> PictureHeader | None:
    file.seek(2)
    for _ in range(_MAX_JPEG_STEPS):
        if (byte := file.read(1)) != b"\xff":
            if not byte:
                break
            continue  # stray bytes between segments, which libjpeg skips, too
        while (marker := file.read(1)) == b"\xff":  # fill bytes
            pass
        if not marker or marker[0] in _BARE_MARKERS:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if marker[0] in _SOF:
            height, width = struct.unpack(">xHH", file.read(5))
            return PictureHeader(width, height)
        file.seek(max(length - 2, 0), os.SEEK_CUR)
    return None


def _read_pnm(file: BinaryIO, start: bytes) -> PictureHeader | None:
    file.seek(0)
    text = file.read(_MAX_PNM_HEADER_BYTES)
    lines = (line.partition(b"#")[0] for line in text.splitlines())
    words = b" ".join(lines).split()
    if start.startswith(b"P7"):
        return PictureHeader(int(_word_after(words, b"WIDTH")), int(_word_after(words, b"HEIGHT")))
    return PictureHeader(int(words[1]), int(words[2])) if len(words) > 2 else None  # noqa: PLR2004 - magic, width, height


def _word_after(words: list[bytes], key: bytes) -> bytes:
    return words[words.index(key) + 1] if key in words[:-1] else b"0"


def _read_tiff(file: BinaryIO, _start: bytes) -> PictureHeader:
    tags = read_tiff_tags(file, 0)
    return PictureHeader(tags.get(_TAG_WIDTH, 0), tags.get(_TAG_HEIGHT, 0))


def _read_webp(file: BinaryIO, start: bytes) -> PictureHeader | None:
    """Read any of WebP's three headers: RFC 9649."""
    kind, fields = start[12:16], start[20:]
    if kind == b"VP8X":
        width, height = (int.from_bytes(fields[at : at + 3], "little") + 1 for at in (4, 7))
        return PictureHeader(width, height, _find_webp_orientation(file))
    if kind == b"VP8L" and fields[:1] == b"\x2f":
        bits = int.from_bytes(fields[1:5], "little")
        return PictureHeader((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and fields[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", fields, 6)
        return PictureHeader(width & 0x3FFF, height & 0x3FFF)
    return None


def _find_webp_orientation(file: BinaryIO) -> int:
    file.seek(12)
    while len(chunk := file.read(8)) == 8:  # noqa: PLR2004 - name and length
        length = int.from_bytes(chunk[4:], "little")
        if chunk.startswith(b"EXIF"):
            return _read_orientation(file, file.tell())
        file.seek(length + length % 2, os.SEEK_CUR)
    return 1


def _read_orientation(file: BinaryIO, base: int) -> int:
    if file.read(6) == b"Exif\0\0":
        base += 6
    try:
        orientation = read_tiff_tags(file, base).get(_TAG_ORIENTATION, 1)
    except (struct.error, ValueError, OverflowError):
        return 1
    return orientation if 1 <= orientation <= _MAX_ORIENTATION else 1


_READERS: tuple[tuple[bytes, Callable[[BinaryIO, bytes], PictureHeader | None]], ...] = (
    (b"\xff\xd8\xff", _read_jpeg),
    (b"\x89PNG\r\n\x1a\n", _read_png),
    (b"BM", _read_bmp),
    (b"RIFF", _read_webp),
    (b"II*\0", _read_tiff),
    (b"MM\0*", _read_tiff),
    (b"II+\0", _read_tiff),
    (b"MM\0+", _read_tiff),
    *((b"P%d" % number, _read_pnm) for number in range(1, 8)),
)
