"""The techniques that `compress` compares, as values, and the messages of the process that builds a variant."""

from msgspec import Struct, structs

from edged_models.compression.fine_tune_settings import FineTuneSettings


class WeightPruning(Struct, frozen=True, kw_only=True, tag=True):
    """Setting of the smallest weights to zero.

    Attributes:
        share: share of the weights.
    """

    share: float


class ChannelPruning(Struct, frozen=True, kw_only=True, tag=True):
    """Removal of the least important channels of the whole network.

    Attributes:
        share: share of the channels.
    """

    share: float


class WidthScaling(Struct, frozen=True, kw_only=True, tag=True):
    """Removal of the least important channels of each part of the network.

    Attributes:
        width: share of the channels that each part keeps.
    """

    width: float


class WeightClustering(Struct, frozen=True, kw_only=True, tag=True):
    """Restriction of each kernel to few different values.

    Attributes:
        count: number of different values.
    """

    count: int


class LowRankFactorization(Struct, frozen=True, kw_only=True, tag=True):
    """Replacement of pointwise convolutions by two smaller ones.

    Attributes:
        energy: share of each kernel's energy to keep.
    """

    energy: float


class QuantizationAwareTraining(Struct, frozen=True, kw_only=True, tag=True):
    """Training with the rounding of eight bits."""


Change = (
    WeightPruning
    | ChannelPruning
    | WidthScaling
    | WeightClustering
    | LowRankFactorization
    | QuantizationAwareTraining
)


class Technique(Struct, frozen=True, kw_only=True):
    """A technique, which is one row of the table.

    Attributes:
        name: name for ``--only`` and files.
        title: title for the table.
        scheme: ``float32``, or a `quantization.quantize.Scheme`.
        change: change of the network before it is converted; None for none.
        side_px: side of the input; None for the checkpoint's own.
    """

    name: str
    title: str
    scheme: str = "int8"
    change: Change | None = None
    side_px: int | None = None


GRID = (
    Technique(name="float32", title="32-bit floats", scheme="float32"),
    Technique(name="dynamic", title="dynamic range", scheme="dynamic"),
    Technique(name="float16", title="16-bit floats", scheme="float16"),
    Technique(name="int8", title="int8"),
    Technique(name="int16x8", title="int16x8", scheme="int16x8"),
    Technique(name="qat", title="quantisation-aware, int8", change=QuantizationAwareTraining()),
    Technique(
        name="weights-50", title="50 % of weights zero, int8", change=WeightPruning(share=0.5)
    ),
    Technique(
        name="weights-80", title="80 % of weights zero, int8", change=WeightPruning(share=0.8)
    ),
    Technique(name="clusters-16", title="16 clusters, int8", change=WeightClustering(count=16)),
    Technique(
        name="low-rank-90",
        title="low rank, 90 % energy, int8",
        change=LowRankFactorization(energy=0.9),
    ),
    Technique(
        name="channels-25", title="25 % of channels pruned, int8", change=ChannelPruning(share=0.25)
    ),
    Technique(
        name="channels-50", title="50 % of channels pruned, int8", change=ChannelPruning(share=0.5)
    ),
    Technique(name="width-75", title="width 0.75, int8", change=WidthScaling(width=0.75)),
    Technique(name="width-50", title="width 0.5, int8", change=WidthScaling(width=0.5)),
    Technique(name="input-192", title="input 192, int8", side_px=192),
    Technique(name="input-256", title="input 256, int8", side_px=256),
    Technique(name="input-320", title="input 320, int8", side_px=320),
)


def select_techniques(names: tuple[str, ...] | None, *, side_px: int) -> tuple[Technique, ...]:
    """Return the techniques with these names, in the order of `GRID`.

    Args:
        names: names in `GRID`; None for all but the one that sets the input size to `side_px`.
        side_px: side of the checkpoint's input.
    """
    if names is not None:
        return tuple(technique for technique in GRID if technique.name in names)
    return tuple(technique for technique in GRID if technique.side_px != side_px)


class BuildJob(Struct, frozen=True, kw_only=True):
    """The input of the process that builds one variant.

    Attributes:
        technique: the technique to apply.
        checkpoint: path of the checkpoint.
        digest: digest of its weights.
        tuning: settings of the fine-tuning; the same pictures are used for calibration.
        out: path of the .tflite to write.
    """

    technique: Technique
    checkpoint: str
    digest: str
    tuning: FineTuneSettings
    out: str

    def is_equivalent(self, other: "BuildJob") -> bool:
        """Return whether both jobs build the same model; paths do not matter."""
        return structs.replace(other, checkpoint=self.checkpoint, out=self.out) == self


class BuildProgress(Struct, frozen=True, kw_only=True, tag="done"):
    """The progress of the fine-tuning.

    Attributes:
        steps_done: number of finished steps.
        steps_total: number of all steps.
    """

    steps_done: int
    steps_total: int


class BuildResult(Struct, frozen=True, kw_only=True, tag="built"):
    """A built variant; the last message of the process.

    Attributes:
        parameters: number of the network's parameters.
        remark: what the technique did; None if the title is complete without it.
        sha256: SHA-256 of the .tflite.
        file_bytes: size of the .tflite.
        deflated_bytes: size of the compressed .tflite, as in a package or a delta update.
    """

    parameters: int
    remark: str | None
    sha256: str
    file_bytes: int
    deflated_bytes: int


class BuildRefused(Struct, frozen=True, kw_only=True, tag="refused"):
    """A technique that cannot be applied; the last message of the process.

    Attributes:
        reason: why it cannot be applied.
    """

    reason: str


BuildMessage = BuildProgress | BuildResult | BuildRefused
