"""What the supervisor and a vision worker say to each other: every message is declared here.

They cross a SOCK_SEQPACKET socket pair, one message a packet. The first byte tells the kind. An `Observation`, sent for every
inferred frame, is one packed record; all others are rare, and JSON. The supervisor trusts nothing
that it reads: a packet that does not parse is a `WorkerError`, and the worker is replaced.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct

from edged.config.codec import decode_path, encode_path
from edged.config.settings import ModelSettings, Polygon
from edged.errors import WorkerError
from edged.types import F32, Detections

MAX_PACKET_BYTES = 65_536
MAX_DETECTIONS = 1_000

_OBSERVATION = b"O"
_JSON = b"J"
_HEADER = struct.Struct("<HQqqIIIIIIBH")
_BYTES_PER_DETECTION = 4 * 4 + 4 + 4
_MAX_U32 = 0xFFFFFFFF


class CameraJob(Struct, frozen=True, kw_only=True):
    """One camera that a worker is to look through."""

    name: str
    source: str
    isolation: Literal["thread", "process"]
    driver_settings: msgspec.Raw
    """The driver's `Settings`, as JSON: only the worker imports the driver."""
    masks: tuple[Polygon, ...] = ()


class WorkerPlan(Struct, frozen=True, kw_only=True, tag="plan"):
    """Supervisor to worker, in its job and at any time later: which model looks from now on.

    A worker that looks already loads what it lacks beside that, in a thread, warms it on its goldens, and switches between two
    frames: it says `ModelReady`. If the new model cannot be loaded or fails its goldens, it says `PlanDeclined`, and goes on as before.

    Attributes:
        number: of the plan; rises.
        model: what looks.
        name: ``name@version`` for the messages; the file's own if "".
        min_scores: for each of the job's cameras, the score below which detections are of no use to anybody.
        goldens: the model's ``goldens.json``, pictures beside it; None: it is warmed, but not compared with anything.
        shadow: the old model, kept beside while the new one is on trial; None: no trial.
        shadow_every: one frame in so many is shown to the shadow as well: the worker says `ShadowComparison`.
        min_shadow_score: detections of at least this score are compared.
        max_boxes: more detections of at least that score in one frame are a flood: the worker says `CandidateFailure`.
    """

    number: int = 0
    model: ModelSettings
    name: str = ""
    min_scores: tuple[float, ...] = ()
    goldens: Path | None = None
    shadow: ModelSettings | None = None
    shadow_every: int = 10
    min_shadow_score: float = 0.5
    max_boxes: int = 80


class VisionJob(Struct, frozen=True, kw_only=True, tag="job"):
    """Supervisor to worker, once, at its start: all that it needs to know."""

    plan: WorkerPlan
    cameras: tuple[CameraJob, ...]
    log_level: str = "info"
    report_interval_s: float = 0.25


class ModelReady(Struct, frozen=True, kw_only=True, tag="ready"):
    """Worker to supervisor: the plan's model is loaded, tried and warm, and looks from here on: every observation after it is its."""

    plan: int = 0
    """Number of the plan."""
    gap_ns: int = 0
    """How long nothing could look because of the switch; 0 at the worker's start."""
    model_name: str
    sha256: str
    """Of the model's file."""
    family: str
    runtime: str
    delegate: str
    input_width: int
    input_height: int
    labels: tuple[str, ...]
    """Index = class id of a detection."""


class CameraReport(Struct, frozen=True, kw_only=True):
    """How one camera does. Counters count since the worker's start; times are monotonic nanoseconds."""

    name: str
    state: Literal["opening", "running", "lost", "ended"]
    reason: str = ""
    description: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    captured: int = 0
    dropped: int = 0
    inferred: int = 0
    failed: int = 0
    reconnects: int = 0
    last_frame_ns: int | None = None


class WorkerReport(Struct, frozen=True, kw_only=True, tag="report"):
    """Worker to supervisor, several times a second from the inference loop: its heartbeat."""

    cameras: tuple[CameraReport, ...]


class WorkerFault(Struct, frozen=True, kw_only=True, tag="fault"):
    """Worker to supervisor, its last message: why it cannot go on."""

    kind: Literal["model", "delegate", "invoke", "internal"]
    reason: Annotated[str, Meta(max_length=4096)]


class PlanDeclined(Struct, frozen=True, kw_only=True, tag="declined"):
    """Worker to supervisor: the plan cannot be carried out; what looked before goes on."""

    plan: int
    reason: Annotated[str, Meta(max_length=4096)]


class CandidateFailure(Struct, frozen=True, kw_only=True, tag="faltered"):
    """Worker to supervisor, in a trial: the new model failed on a frame; the shadow looked at it instead.

    Attributes:
        kind: the runtime failed, which it may once in a while; or, what no model may, its outputs are nonsense, or a flood of boxes.
        plan: number of the plan.
        camera: index into the job's cameras.
        frame_seq: of the frame.
        reason: in words.
    """

    kind: Literal["invoke", "nonsense", "flood"]
    plan: int
    camera: int
    frame_seq: int
    reason: Annotated[str, Meta(max_length=4096)]


class ShadowComparison(Struct, frozen=True, kw_only=True, tag="compared"):
    """Worker to supervisor, in a trial: what the new model and the shadow saw in one frame.

    Attributes:
        plan: number of the plan.
        camera: index into the job's cameras.
        frame_seq: of the frame.
        both: detections of the new model that match one of the shadow's: the same label, IoU of at least 0.5.
        only_new: the new model's others.
        only_old: the shadow's others.
        new_ns: encode, invoke and decode of the new model.
        old_ns: the same of the shadow.
    """

    plan: int
    camera: int
    frame_seq: int
    both: Annotated[int, Meta(ge=0)]
    only_new: Annotated[int, Meta(ge=0)]
    only_old: Annotated[int, Meta(ge=0)]
    new_ns: Annotated[int, Meta(ge=0)]
    old_ns: Annotated[int, Meta(ge=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One inferred frame. Stage times are nanoseconds; see `edged.types.Frame` for the time lines.

    Attributes:
        camera: index into the job's cameras.
        frame_seq: of the frame.
        captured_ns: of the frame.
        received_ns: of the frame.
        width: of the frame, pixels.
        height: of the frame, pixels.
        wait_ns: from `received_ns` until the inference loop took it.
        encode_ns: masks, motion, resize, colour, quantisation.
        invoke_ns: the interpreter alone.
        decode_ns: outputs to detections.
        moving: whether the picture moved.
        detections: normalised to the frame.
    """

    camera: int
    frame_seq: int
    captured_ns: int
    received_ns: int
    width: int
    height: int
    wait_ns: int
    encode_ns: int
    invoke_ns: int
    decode_ns: int
    moving: bool
    detections: Detections


FromWorker = (
    ModelReady
    | WorkerReport
    | WorkerFault
    | Observation
    | PlanDeclined
    | CandidateFailure
    | ShadowComparison
)
ToWorker = VisionJob | WorkerPlan

_encoder = msgspec.json.Encoder(enc_hook=encode_path)
_from_worker_decoder: msgspec.json.Decoder[
    ModelReady | WorkerReport | WorkerFault | PlanDeclined | CandidateFailure | ShadowComparison
] = msgspec.json.Decoder(
    ModelReady | WorkerReport | WorkerFault | PlanDeclined | CandidateFailure | ShadowComparison
)
_job_decoder = msgspec.json.Decoder(VisionJob, dec_hook=decode_path)
_plan_decoder = msgspec.json.Decoder(WorkerPlan, dec_hook=decode_path)


def pack(message: ToWorker | FromWorker) -> bytes:
    """Any message -> one packet.

    Raises:
        WorkerError: it is larger than a packet may be.
    """
    if isinstance(message, Observation):
        return _pack_observation(message)
    packet = _JSON + _encoder.encode(message)
    if len(packet) > MAX_PACKET_BYTES:
        raise WorkerError(
            f"{type(message).__name__} of {len(packet)} bytes is over {MAX_PACKET_BYTES}"
        )
    return packet


def unpack(packet: bytes) -> FromWorker:
    """A packet from a worker -> the message.

    Raises:
        WorkerError: the packet is nonsense.
    """
    try:
        if packet[:1] == _OBSERVATION:
            return _unpack_observation(packet)
        return _from_worker_decoder.decode(packet[1:])
    except (msgspec.MsgspecError, struct.error, ValueError) as error:
        raise WorkerError(f"a worker sent nonsense: {error}") from None


def unpack_job(packet: bytes) -> VisionJob:
    """The supervisor's packet -> the job."""
    return _job_decoder.decode(packet[1:])


def unpack_plan(packet: bytes) -> WorkerPlan:
    """A later packet of the supervisor's -> the plan."""
    return _plan_decoder.decode(packet[1:])


def _pack_observation(message: Observation) -> bytes:
    found = message.detections[:MAX_DETECTIONS]
    stages_ns = (message.wait_ns, message.encode_ns, message.invoke_ns, message.decode_ns)
    header = _HEADER.pack(
        message.camera,
        message.frame_seq,
        message.captured_ns,
        message.received_ns,
        message.width,
        message.height,
        *(min(max(ns, 0), _MAX_U32) for ns in stages_ns),
        message.moving,
        len(found),
    )
    boxes = found.boxes.astype("<f4", copy=False).tobytes()
    scores = found.scores.astype("<f4", copy=False).tobytes()
    class_ids = found.class_ids.astype("<i4", copy=False).tobytes()
    return b"".join((_OBSERVATION, header, boxes, scores, class_ids))


def _unpack_observation(packet: bytes) -> Observation:
    *head, moving, n = _HEADER.unpack_from(packet, 1)
    body = 1 + _HEADER.size
    if len(packet) != body + n * _BYTES_PER_DETECTION:
        raise ValueError(f"{n} detections in {len(packet)} bytes")
    camera, seq, captured_ns, received_ns, width, height, wait, encode, invoke, decode = head
    return Observation(
        camera=camera,
        frame_seq=seq,
        captured_ns=captured_ns,
        received_ns=received_ns,
        width=width,
        height=height,
        wait_ns=wait,
        encode_ns=encode,
        invoke_ns=invoke,
        decode_ns=decode,
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
