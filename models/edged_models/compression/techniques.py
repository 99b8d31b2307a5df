"""The techniques that `compress` compares, as values."""

from msgspec import Struct


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

    @property
    def is_trained(self) -> bool:
        """True if the network is fine-tuned, so that the result depends on a seed."""
        return self.change is not None


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


def select_techniques(
    names: tuple[str, ...] | None, *, side_px: int | None
) -> tuple[Technique, ...]:
    """Return the techniques with these names, in the order of `GRID`.

    Args:
        names: names in `GRID`; None for all but the one that sets the input size to `side_px`.
        side_px: side of the network's input; None if it is not known.
    """
    if names is not None:
        return tuple(technique for technique in GRID if technique.name in names)
    return tuple(t for t in GRID if t.side_px is None or t.side_px != side_px)
