"""The packets of the supervisor and a vision worker.

An `Observation` is sent for every inferred frame, so it is one packed record: a header, then the detections as arrays. All other messages are
rare, and JSON. The supervisor trusts nothing that it reads: sizes, boxes, scores and class ids are checked.
"""

import struct
from collections.abc import Sequence

import numpy as np

from edged.errors import PacketError
from edged.ipc.packets import PacketCodec
from edged.types import F32, Detections
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
from edged.vision.trial_messages import CandidateFailure, ShadowComparison

MAX_PACKET_BYTES = 65_536
MAX_DETECTIONS = 1_000

_FIRST_BYTE = b"O"
_HEADER = struct.Struct("<HQqqIIIIIIIIBH")
_BYTES_PER_DETECTION = 4 * 4 + 4 + 4
_MAX_U32 = 0xFFFFFFFF


class FromWorkerCodec(PacketCodec[FromWorker]):
    """The codec of a worker's messages: an `Observation` is binary, and starts with a byte that no JSON object starts with."""

    def encode(self, message: FromWorker) -> bytes:
        """Return the packet of a message.

        Raises:
            PacketError: the message is larger than a packet may be.
        """
        if isinstance(message, Observation):
            return _encode_observation(message)
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


def _encode_observation(observation: Observation) -> bytes:
    return pack_observation(
        observation.camera,
        observation.frame_seq,
        observation.captured_ns,
        observation.received_ns,
        observation.width,
        observation.height,
        (
            observation.wait_ns,
            observation.encode_ns,
            observation.invoke_ns,
            observation.decode_ns,
            observation.net_frame_ns,
            observation.net_invoke_ns,
        ),
        moving=observation.moving,
        detections=observation.detections,
    )


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
    detections: Detections,
) -> bytes:
    """Return the packet of an `Observation` with these fields; `stages_ns` are the six durations from `wait_ns` to `net_invoke_ns`."""
    count = len(detections.scores)
    if count > MAX_DETECTIONS:
        detections, count = detections[:MAX_DETECTIONS], MAX_DETECTIONS
    head = (camera, frame_seq, captured_ns, received_ns, width, height)
    try:
        header = _HEADER.pack(*head, *stages_ns, moving, count)
    except struct.error:  # a duration beyond 4 s, or below 0
        clamped_ns = (min(max(ns, 0), _MAX_U32) for ns in stages_ns)
        header = _HEADER.pack(*head, *clamped_ns, moving, count)
    if not count:
        return _FIRST_BYTE + header
    return b"".join((_FIRST_BYTE, header, *_detection_arrays(detections)))


def _detection_arrays(detections: Detections) -> tuple[bytes, bytes, bytes]:
    """Return the boxes, the scores and the class ids as little-endian arrays."""
    boxes = detections.boxes.astype("<f4", copy=False).tobytes()
    scores = detections.scores.astype("<f4", copy=False).tobytes()
    class_ids = detections.class_ids.astype("<i4", copy=False).tobytes()
    return boxes, scores, class_ids


def _decode_observation(packet: bytes) -> Observation:
    *head, moving, n = _HEADER.unpack_from(packet, 1)
    body = 1 + _HEADER.size
    if len(packet) != body + n * _BYTES_PER_DETECTION:
        raise ValueError(f"{n} detections in {len(packet)} bytes")
    camera, seq, captured_ns, received_ns, width, height, *stages_ns = head
    wait_ns, encode_ns, invoke_ns, decode_ns, net_frame_ns, net_invoke_ns = stages_ns
    return Observation(
        camera=camera,
        frame_seq=seq,
        captured_ns=captured_ns,
        received_ns=received_ns,
        width=width,
        height=height,
        wait_ns=wait_ns,
        encode_ns=encode_ns,
        invoke_ns=invoke_ns,
        decode_ns=decode_ns,
        net_frame_ns=net_frame_ns,
        net_invoke_ns=net_invoke_ns,
        moving=bool(moving),
        detections=_read_detections(packet, body, n),
    )


def _read_detections(packet: bytes, body: int, n: int) -> Detections:
    boxes = np.frombuffer(packet, "<f4", n * 4, body).reshape(n, 4)
    scores = np.frombuffer(packet, "<f4", n, body + n * 16)
    class_ids = np.frombuffer(packet, "<i4", n, body + n * 20)
    if not (_is_within_unit(boxes) and _is_within_unit(scores)):
        raise ValueError("boxes or scores outside 0..1")
    if n and class_ids.min() < 0:
        raise ValueError("a negative class id")
    return Detections(boxes, scores, class_ids)


def _is_within_unit(values: F32) -> bool:
    # NaN compares false with everything, so it fails this too.
    return bool(((values >= 0.0) & (values <= 1.0)).all())


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
