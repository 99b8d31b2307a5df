"""What the self-test child is asked and what it answers, as JSON, one message a packet; the parent trusts none of it."""

from pathlib import Path

import msgspec
from msgspec import Struct

from edged.config.codec import decode_path, encode_path
from edged.config.settings import ModelSettings
from edged.errors import ModelError
from edged.selftest.sandbox.sandbox import Confinement
from edged.types import InputSpec, ModelSignature

MAX_PACKET_BYTES = 131_072


class SelfTestRequest(Struct, frozen=True, kw_only=True):
    """What is to be tried, and how.

    Attributes:
        settings: name the model.
        image: a picture to look at; None: none.
        min_score: of the detections in it.
        goldens: the model's ``goldens.json``, the pictures beside it; None: it is compared with nothing.
        max_invocations: so many invocations are timed at most.
    """

    settings: ModelSettings
    image: Path | None = None
    min_score: float = 0.5
    goldens: Path | None = None
    max_invocations: int = 20

    def build_confinement(self) -> Confinement:
        """What the child can still reach: the folders of the model and of the goldens, single other files, a delegate's devices."""
        settings = self.settings
        libraries = (settings.delegate or "", *settings.custom_ops.values())
        readable = [
            settings.resolve_file().resolve().parent,
            *(file.resolve() for file in (settings.labels_file, self.image) if file),
            *([self.goldens.resolve().parent] if self.goldens else []),
            # One without a slash is the loader's to find.
            *(Path(one.partition(":")[0]).resolve().parent for one in libraries if "/" in one),
        ]
        return Confinement(
            readable=frozenset(readable), allows_devices=settings.delegate is not None
        )


class ReportedDetection(Struct, frozen=True, kw_only=True):
    """One detection; `box` is [x1, y1, x2, y2] in fractions of the picture."""

    label: str
    class_id: int
    score: float
    box: tuple[float, float, float, float]


class SelfTestReport(Struct, frozen=True, kw_only=True, tag="report"):
    """What a model is, and how it did.

    Attributes:
        name: as `edged.model.load.Model` has it.
        family: the name of the family that reads it.
        runtime: name and version.
        delegate: what the graph runs on; "" if the reference kernels.
        input: how it is fed.
        signature: its tensors and metadata; without operators and labels, which follow.
        ops: how many there are of each operator.
        labels: by index.
        invoke_ms_p50: median time of an invocation.
        invoke_ms_p95: 95th percentile of the same.
        detections: in the picture, best first; empty without a picture.
        golden_mismatches: what is wrong with what it finds in the goldens, the first ones; empty if all is well, or without goldens.
        peak_memory_mb: the greatest resident memory of the child so far, MiB.
        sandbox_layers: what held the child; see `edged.selftest.sandbox.sandbox.confine`.
    """

    name: str
    family: str
    runtime: str
    delegate: str
    input: InputSpec
    signature: ModelSignature
    ops: dict[str, int]
    labels: tuple[str, ...]
    invoke_ms_p50: float
    invoke_ms_p95: float
    detections: tuple[ReportedDetection, ...] = ()
    golden_mismatches: tuple[str, ...] = ()
    peak_memory_mb: float = 0.0
    sandbox_layers: tuple[str, ...] = ()


class SelfTestFailure(Struct, frozen=True, kw_only=True, tag="refusal"):
    """The model was refused: `error_type` is the name of one of edged's errors."""

    error_type: str
    message: str


_encoder = msgspec.json.Encoder(enc_hook=encode_path)
_request_decoder = msgspec.json.Decoder(SelfTestRequest, dec_hook=decode_path)
_response_decoder: msgspec.json.Decoder[SelfTestReport | SelfTestFailure] = msgspec.json.Decoder(
    SelfTestReport | SelfTestFailure
)


def pack(message: SelfTestRequest | SelfTestReport | SelfTestFailure) -> bytes:
    """A message -> one packet.

    Raises:
        ModelError: it is larger than a packet may be.
    """
    packet = _encoder.encode(message)
    if len(packet) > MAX_PACKET_BYTES:
        raise ModelError(
            f"what there is to say of the model takes {len(packet)} bytes; {MAX_PACKET_BYTES} are allowed"
        )
    return packet


def unpack_request(packet: bytes) -> SelfTestRequest:
    """The parent's packet -> what is to be tried."""
    return _request_decoder.decode(packet)


def unpack_response(packet: bytes) -> SelfTestReport | SelfTestFailure:
    """The child's packet -> what it answered.

    Raises:
        ModelError: the packet is nonsense.
    """
    try:
        return _response_decoder.decode(packet)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelError(f"the self-test answered nonsense: {error}") from None
