"""The parts of a picture as packets: what is sent arrives, and a packet that contradicts itself is refused."""

import struct

import pytest

from edged.errors import PacketError
from edged.vision.packets import FROM_WORKER, MAX_PACKET_BYTES
from edged.vision.picture_messages import MAX_CHUNK_BYTES, MAX_PICTURE_BYTES, JpegChunk, Picture
from edged.vision.picture_packets import pack_chunks
from support.sampling import seeded_random

PICTURE = Picture(
    camera="a",
    jpeg=bytes(range(256)) * 600,
    width=1280,
    height=720,
    frame_seq=2**40,
    captured_ns=-5,
    sharpness=12.5,
)
_NUMBER, _OFFSET, _TOTAL, _WIDTH, _SHARPNESS = 1, 5, 9, 13, 37


def read(packet: bytes) -> JpegChunk:
    message = FROM_WORKER.decode(packet)
    assert isinstance(message, JpegChunk)
    return message


def test_a_picture_arrives_as_it_was_sent() -> None:
    packets = list(pack_chunks(7, PICTURE))
    assert all(len(packet) <= MAX_PACKET_BYTES for packet in packets)
    parts = [read(packet) for packet in packets]
    assert b"".join(part.content for part in parts) == PICTURE.jpeg
    assert [part.offset for part in parts] == list(range(0, len(PICTURE.jpeg), MAX_CHUNK_BYTES))
    for part in parts:
        assert (part.number, part.total_bytes) == (7, len(PICTURE.jpeg))
        assert (part.width, part.height, part.sharpness) == (1280, 720, 12.5)
        assert (part.frame_seq, part.captured_ns) == (2**40, -5)


@pytest.mark.parametrize(
    ("position", "form", "value"),
    [
        (_OFFSET, "<I", len(PICTURE.jpeg)),
        (_TOTAL, "<I", 10),
        (_TOTAL, "<I", MAX_PICTURE_BYTES + 1),
        (_WIDTH, "<I", 0),
        (_SHARPNESS, "<f", float("nan")),
        (_SHARPNESS, "<f", -1.0),
    ],
)
def test_a_packet_that_contradicts_itself_is_refused(
    position: int, form: str, value: float
) -> None:
    packet = bytearray(next(pack_chunks(1, PICTURE)))
    struct.pack_into(form, packet, position, value)
    with pytest.raises(PacketError, match="part of a picture"):
        FROM_WORKER.decode(bytes(packet))


def test_damaged_packets_are_refused_or_read_as_something_valid() -> None:
    rng = seeded_random("picture packets")
    whole = next(pack_chunks(1, PICTURE))
    for _ in range(300):
        damaged = bytearray(whole[: rng.randrange(1, 200)])
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            message = FROM_WORKER.decode(bytes(damaged))
        except PacketError:
            continue
        assert isinstance(message, JpegChunk)
        assert message.offset + len(message.content) <= message.total_bytes <= MAX_PICTURE_BYTES
