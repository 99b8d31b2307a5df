"""The messages of the self-test process: its requests and its responses. The parent trusts no response."""

from pathlib import Path

from msgspec import Struct

from edged.config.settings import ModelSettings
from edged.host.files.given_path import real_path
from edged.ipc.packets import PacketCodec
from edged.selftest.sandbox.sandbox import Confinement
from edged.types import InputSpec, ModelSignature

MAX_PACKET_BYTES = 131_072


class SelfTestRequest(Struct, frozen=True, kw_only=True):
    """Parent to child: the model to test, and how.

    Attributes:
        settings: name the model.
        image: a picture to run inference on; None for none.
        min_score: lowest score of the detections in it.
        goldens: the model's ``goldens.json``, the pictures beside it; None if its detections are compared with nothing.
        max_invocations: number of invocations that are timed, at most.
    """

    settings: ModelSettings
    image: Path | None = None
    min_score: float = 0.5
    goldens: Path | None = None
    max_invocations: int = 20

    def build_confinement(self) -> Confinement:
        """Return what the child can still reach: the folders of the model and of the goldens, single other files, a delegate's devices."""
        settings = self.settings
        libraries = (settings.delegate or "", *settings.custom_ops.values())
        readable = [
            real_path(settings.resolve_file()).parent,
            *(real_path(file) for file in (settings.labels_file, self.image) if file),
            *([real_path(self.goldens).parent] if self.goldens else []),
            # The dynamic linker finds a library without a slash.
            *(real_path(Path(one.partition(":")[0])).parent for one in libraries if "/" in one),
        ]
        return Confinement(
            readable=frozenset(readable), allows_devices=settings.delegate is not None
        )


class ReportedDetection(Struct, frozen=True, kw_only=True):
    """One detection in the picture.

    Attributes:
        label: name of the class.
        class_id: number of the class.
        score: 0..1.
        box: [x1, y1, x2, y2] in fractions of the picture.
    """

    label: str
    class_id: int
    score: float
    box: tuple[float, float, float, float]


class SelfTestReport(Struct, frozen=True, kw_only=True, tag="report"):
    """Child to parent: the model, and the results of its tests.

    Attributes:
        name: the name of the `edged.model.load.Model`.
        family: name of the family that reads the model's outputs.
        runtime: name and version.
        delegate: accelerator that the graph runs on; "" for the reference kernels.
        input: size and type of the model's input.
        signature: its tensors and metadata; without anchors, and without operators and labels, which follow.
        ops: number of operators, by name.
        labels: by index.
        invoke_ms_p50: median time of an invocation, milliseconds.
        invoke_ms_p95: 95th percentile of that duration, milliseconds.
        detections: detections in the picture, best first; empty without a picture.
        golden_mismatches: the first differences from the goldens; empty if there is none, or without goldens.
        peak_memory_mb: the greatest resident memory of the child so far, MiB.
        sandbox_layers: layers that confine the child, as `edged.selftest.sandbox.sandbox.confine` returns them.
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
    """Child to parent: the model fails.

    Attributes:
        error_type: name of one of edged's errors.
        message: its text.
        details: the error's notes: for a model that fits no family its tensors, and the reason of each family.
    """

    error_type: str
    message: str
    details: tuple[str, ...] = ()


FromSelfTest = SelfTestReport | SelfTestFailure

TO_SELF_TEST: PacketCodec[SelfTestRequest] = PacketCodec(
    SelfTestRequest, max_bytes=MAX_PACKET_BYTES
)
FROM_SELF_TEST: PacketCodec[FromSelfTest] = PacketCodec(FromSelfTest, max_bytes=MAX_PACKET_BYTES)
