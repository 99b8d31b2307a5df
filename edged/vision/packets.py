"""The packets of the supervisor and a vision worker.

An `Observation` is sent for every inferred frame, so it is one packed record: a header, then the detections' boxes, scores and class ids, each
as an array. All other messages are rare, and JSON. The supervisor trusts nothing that it reads: sizes, boxes, scores and class ids are checked.
"""

import struct
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from edged.errors import PacketError
from edged.ipc.packets import PacketCodec
from edged.types import DetectedBox
from edged.vision.messages import (
    FromWorker,
    ModelLoading,
    ModelReady,
    Observation,
    ObservedFrame,
    PlanDeclined,
    ToWorker,
    WorkerFault,
    WorkerReport,
)
from edged.vision.trial_messages import CandidateFailure, ShadowComparison

if TYPE_CHECKING:
    from edged.types import Detections

SentByWorker: TypeAlias = "FromWorker | ObservedFrame[Detections]"
"""What a worker sends: the detections of an observation are arrays there, and plain values in the supervisor."""

MAX_PACKET_BYTES = 65_536
MAX_DETECTIONS = 1_000

_FIRST_BYTE = b"O"
_HEADER = struct.Struct("<cHQqqIIIIIIII?H")
"""The first byte, the fields of an `Observation` in their order, and the number of detections."""
_FIRST_STAGE = 6
"""Index of the first of the header's times of stages, which are cut off at 4 s; `moving` follows the last."""
_BODY = _HEADER.size
_BOX = struct.Struct("<4f")
_BYTES_PER_DETECTION = 4 * 4 + 4 + 4
_MAX_U32 = 0xFFFFFFFF


class FromWorkerCodec(PacketCodec[FromWorker]):
    """The codec of a worker's messages: an `Observation` is binary, and starts with a byte that no JSON object starts with."""

    def encode(self, message: SentByWorker) -> bytes:
        """Return the packet of a message.

        Raises:
            PacketError: the message is larger than a packet may be, or an `Observation`, which is only read.
        """
        match message:
            case Observation():
                raise PacketError("an observation is sent with its detections as arrays")
            case ObservedFrame():
                return _encode_observation(message)  # type: ignore[arg-type] # not an Observation
            case _:
                return super().encode(message)

    def decode(self, packet: bytes) -> FromWorker:
        """Return the message of a packet.

        Raises:
            PacketError: the packet is no message of a worker.
        """
        if packet[:1] != _FIRST_BYTE:
            return super().decode(packet)
        try:
            return _decode_observation(packet)
        except (struct.error, ValueError) as error:
            raise PacketError(f"an invalid observation: {error}") from None


def _encode_observation(observation: "ObservedFrame[Detections]") -> bytes:
    detections = observation.detections
    if len(detections) > MAX_DETECTIONS:
        detections = detections[:MAX_DETECTIONS]
    *head, moving, _ = msgspec.structs.astuple(observation)
    stages_ns = [min(max(ns, 0), _MAX_U32) for ns in head[_FIRST_STAGE:]]
    header = _HEADER.pack(_FIRST_BYTE, *head[:_FIRST_STAGE], *stages_ns, moving, len(detections))
    return b"".join(
        (
            header,
            detections.boxes.astype("<f4", copy=False).tobytes(),
            detections.scores.astype("<f4", copy=False).tobytes(),
            detections.class_ids.astype("<i4", copy=False).tobytes(),
        )
    )


def _decode_observation(packet: bytes) -> Observation:
    _, *fields, count = _HEADER.unpack_from(packet)
    if count > MAX_DETECTIONS or len(packet) != _BODY + count * _BYTES_PER_DETECTION:
        raise ValueError(f"{count} detections in {len(packet)} bytes")
    fields.append(_read_detections(packet, count) if count else ())
    observation = Observation(*fields)
    if not (observation.width and observation.height):
        raise ValueError("a frame without width or height")
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
    | WorkerFault
    | ModelLoading
    | PlanDeclined
    | CandidateFailure
    | ShadowComparison,
    max_bytes=MAX_PACKET_BYTES,
)
