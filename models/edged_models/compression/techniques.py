"""The grid: every way of making a net smaller or faster that the table compares. Values and names; no work."""

from msgspec import Struct, structs

from edged_models.compression.fine_tune_settings import FineTuneSettings


class WeightPruning(Struct, frozen=True, kw_only=True, tag=True):
    """Prune by weight."""

    share: float


class ChannelPruning(Struct, frozen=True, kw_only=True, tag=True):
    """Prune by channel, the least important wherever they are."""

    share: float


class WidthScaling(Struct, frozen=True, kw_only=True, tag=True):
    """A narrower net: every part keeps that share of its channels, the most important ones."""

    width: float


class WeightClustering(Struct, frozen=True, kw_only=True, tag=True):
    """Few different values in each kernel."""

    count: int


class LowRankFactorization(Struct, frozen=True, kw_only=True, tag=True):
    """Pointwise convolutions in two thin steps."""

    energy: float


class QuantizationAwareTraining(Struct, frozen=True, kw_only=True, tag=True):
    """Quantisation-aware training."""


Change = (
    WeightPruning
    | ChannelPruning
    | WidthScaling
    | WeightClustering
    | LowRankFactorization
    | QuantizationAwareTraining
)


class Technique(Struct, frozen=True, kw_only=True):
    """A row of the table.

    Attributes:
        name: for ``--only`` and file names.
        title: for people.
        scheme: how numbers are stored, as `conversion.quantize.Scheme` calls it.
        change: what is done to the net before; None if nothing.
        side_px: another input size than the checkpoint's.
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
    """The rows of that name, in the grid's order; all that differ if None.

    Args:
        names: as in `GRID`.
        side_px: the checkpoint's: at its own size, an input size is no technique.
    """
    if names is not None:
        return tuple(technique for technique in GRID if technique.name in names)
    return tuple(technique for technique in GRID if technique.side_px != side_px)


class BuildJob(Struct, frozen=True, kw_only=True):
    """What a child that makes one variant is told.

    Attributes:
        technique: what to do.
        checkpoint: path of the net.
        digest: of the net's weights.
        tuning: how the net is fine-tuned; it is calibrated on the same pictures.
        out: path of the .tflite.
    """

    technique: Technique
    checkpoint: str
    digest: str
    tuning: FineTuneSettings
    out: str

    def is_equivalent(self, other: "BuildJob") -> bool:
        """Whether both make the same, wherever the files are."""
        return structs.replace(other, checkpoint=self.checkpoint, out=self.out) == self


class BuildProgress(Struct, frozen=True, kw_only=True, tag="done"):
    """A child's word on how far it is."""

    steps_done: int
    steps_total: int


class BuildResult(Struct, frozen=True, kw_only=True, tag="built"):
    """A child's last word.

    Attributes:
        parameters: numbers in the net.
        remark: what was reached.
        sha256: of the .tflite.
        file_bytes: its size.
        deflated_bytes: its size compressed, as in a package or a delta update.
    """

    parameters: int
    remark: str
    sha256: str
    file_bytes: int
    deflated_bytes: int


class BuildRefused(Struct, frozen=True, kw_only=True, tag="refused"):
    """A child's last word: why it cannot be had."""

    reason: str


BuildMessage = BuildProgress | BuildResult | BuildRefused
