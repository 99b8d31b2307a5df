"""The packets of the supervisor and a vision worker.

An `Observation` is sent for every inferred frame, so it is one packed record: a header, then the detections' boxes, scores and class ids, each
as an array. A part of a picture is binary too (`edged.vision.picture_packets`). All other messages are rare, and JSON. The supervisor trusts nothing that it reads: sizes, boxes, scores and class ids are checked.
"""

import struct
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from edged.errors import PacketError
from edged.ipc.packets import PacketCodec
from edged.types import DetectedBox
from edged.vision.camera_messages import PictureAtRest
from edged.vision.messages import (
    FromWorker,
    ModelLoading,
    ModelReady,
    Observation,
    PlanDeclined,
    ToWorker,
    WorkerFault,
    WorkerReport,
)
from edged.vision.picture_messages import JpegChunk, PictureFailure
from edged.vision.picture_packets import FIRST_BYTE as PICTURE_BYTE
from edged.vision.picture_packets import read_chunk
from edged.vision.trial_messages import CandidateFailure, ShadowComparison

if TYPE_CHECKING:
    from edged.types import Detections

MAX_PACKET_BYTES = 65_536
MAX_DETECTIONS = 1_000

_FIRST_BYTE = b"O"
_HEADER = struct.Struct("<cHQqqIIIIIIII?H")
"""The first byte, the fields of an `Observation` in their order, and the number of detections."""
_BODY = _HEADER.size
_BOX = struct.Struct("<4f")
_BYTES_PER_DETECTION = 4 * 4 + 4 + 4
_MAX_U32 = 0xFFFFFFFF
_MAX_NS = 2**62
"""A later time, 146 years after a boot, is no time; differences of earlier ones fit into 64 bits."""


class FromWorkerCodec(PacketCodec[FromWorker]):
    """The codec of a worker's messages: an `Observation` and a `JpegChunk` are binary, and start with a byte that no JSON object starts with."""

    def encode(self, message: FromWorker) -> bytes:
        """Return the packet of a message.

        Raises:
            PacketError: the message is larger than a packet may be, or one that is binary: `pack_observation` and `pack_chunks` pack those.
        """
        if isinstance(message, Observation | JpegChunk):
            raise PacketError(f"a {type(message).__name__} is not encoded as JSON")
        return super().encode(message)

    def decode(self, packet: bytes) -> FromWorker:
        """Return the message of a packet.

        Raises:
            PacketError: the packet is no message of a worker.
        """
        first_byte = packet[:1]
        if first_byte not in (_FIRST_BYTE, PICTURE_BYTE):
            return super().decode(packet)
        try:
            return _decode_observation(packet) if first_byte == _FIRST_BYTE else read_chunk(packet)
        except (struct.error, ValueError) as error:
            name = "observation" if first_byte == _FIRST_BYTE else "part of a picture"
            raise PacketError(f"an invalid {name}: {error}") from None


def pack_observation(  # noqa: PLR0917 - the worker packs each frame's, without an `Observation` in between
    camera: int,
    frame_seq: int,
    captured_ns: int,
    received_ns: int,
    width: int,
    height: int,
    stages_ns: Sequence[int],
    *,
    moving: bool,
    detections: "Detections",
) -> bytes:
    """Return the packet of an `Observation` with these fields; `stages_ns` are the six durations from `wait_ns` to `net_invoke_ns`."""
    count = len(detections.scores)
    if count > MAX_DETECTIONS:
        detections, count = detections[:MAX_DETECTIONS], MAX_DETECTIONS
    head = (_FIRST_BYTE, camera, frame_seq, captured_ns, received_ns, width, height)
    try:
        header = _HEADER.pack(*head, *stages_ns, moving, count)
    except struct.error:  # a duration beyond 4 s, or below 0
        clamped_ns = (min(max(ns, 0), _MAX_U32) for ns in stages_ns)
        header = _HEADER.pack(*head, *clamped_ns, moving, count)
    if not count:
        return header
    return b"".join((header, *_detection_arrays(detections)))


def _detection_arrays(detections: "Detections") -> tuple[bytes, bytes, bytes]:
    """Return the boxes, the scores and the class ids as little-endian arrays."""
    boxes = detections.boxes.astype("<f4", copy=False).tobytes()
    scores = detections.scores.astype("<f4", copy=False).tobytes()
    class_ids = detections.class_ids.astype("<i4", copy=False).tobytes()
    return boxes, scores, class_ids


def _decode_observation(packet: bytes) -> Observation:
    _, *fields, count = _HEADER.unpack_from(packet)
    if count > MAX_DETECTIONS or len(packet) != _BODY + count * _BYTES_PER_DETECTION:
        raise ValueError(f"{count} detections in {len(packet)} bytes")
    fields.append(_read_detections(packet, count) if count else ())
    observation = Observation(*fields)
    if not (observation.width and observation.height):
        raise ValueError("a frame without width or height")
    if observation.received_ns < 0 or not -_MAX_NS <= observation.captured_ns <= _MAX_NS:
        raise ValueError("a time that no clock shows")
    return observation


def _read_detections(packet: bytes, count: int) -> tuple[DetectedBox, ...]:
    end = _BODY + count * _BOX.size
    numbers = _numbers_format(count).unpack_from(packet, end)
    boxes = _BOX.iter_unpack(packet[_BODY:end])
    detections = tuple(map(DetectedBox, boxes, numbers[:count], numbers[count:]))
    for detected in detections:
        x1, y1, x2, y2 = detected.box
        # NaN compares false with everything, so it fails this too.
        if not (0.0 <= x1 <= x2 <= 1.0 and 0.0 <= y1 <= y2 <= 1.0 and 0.0 <= detected.score <= 1.0):
            raise ValueError("a box or score outside 0..1, or a box whose end is before its start")
        if detected.class_id < 0:
            raise ValueError("a negative class id")
    return detections


@cache
def _numbers_format(count: int) -> struct.Struct:
    """Return the form of the scores and class ids of so many detections; the packet's size bounds the number of forms."""
    return struct.Struct(f"<{count}f{count}i")


TO_WORKER: PacketCodec[ToWorker] = PacketCodec(ToWorker, max_bytes=MAX_PACKET_BYTES)
FROM_WORKER = FromWorkerCodec(
    ModelReady
    | WorkerReport
    | PictureAtRest
    | WorkerFault
    | ModelLoading
    | PlanDeclined
    | CandidateFailure
    | ShadowComparison
    | PictureFailure,
    max_bytes=MAX_PACKET_BYTES,
)
