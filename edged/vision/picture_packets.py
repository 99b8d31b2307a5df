"""The binary form of a `JpegChunk`: a header, then the bytes."""

import struct
from collections.abc import Iterator

from edged.vision.picture_messages import MAX_CHUNK_BYTES, MAX_PICTURE_BYTES, JpegChunk, Picture

FIRST_BYTE = b"P"
"""No JSON message starts with it."""
_HEADER = struct.Struct("<cIIIIIQqf")


def pack_chunks(number: int, picture: Picture) -> Iterator[bytes]:
    """Yield the packets of a picture.

    Args:
        number: number of the request.
        picture: the picture; its JPEG has at most `MAX_PICTURE_BYTES`.
    """
    view = memoryview(picture.jpeg)
    for offset in range(0, len(view), MAX_CHUNK_BYTES):
        header = _HEADER.pack(
            FIRST_BYTE,
            number,
            offset,
            len(view),
            picture.width,
            picture.height,
            picture.frame_seq,
            picture.captured_ns,
            picture.sharpness,
        )
        yield b"".join((header, view[offset : offset + MAX_CHUNK_BYTES]))


def read_chunk(packet: bytes) -> JpegChunk:
    """Return the part of a picture that a packet has.

    Raises:
        struct.error: the packet has no complete header.
        ValueError: the sizes contradict each other, or exceed their limits.
    """
    _, number, offset, total, width, height, frame_seq, captured_ns, sharpness = (
        _HEADER.unpack_from(packet)
    )
    content = packet[_HEADER.size :]
    if not (0 < len(content) <= MAX_CHUNK_BYTES and offset + len(content) <= total):
        raise ValueError(f"{len(content)} bytes at {offset} of {total}")
    if total > MAX_PICTURE_BYTES or not (width and height) or not sharpness >= 0.0:
        raise ValueError(f"a picture of {width} x {height} pixels and {total} bytes")
    return JpegChunk(
        number=number,
        offset=offset,
        total_bytes=total,
        width=width,
        height=height,
        frame_seq=frame_seq,
        captured_ns=captured_ns,
        sharpness=sharpness,
        content=content,
    )
