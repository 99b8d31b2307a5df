"""The architecture of the network as a value. It is stored with the weights, so that the network can be built again."""

from msgspec import Struct


class Architecture(Struct, frozen=True, kw_only=True):
    """Classes and channel counts of the network.

    Attributes:
        labels: names of the classes, by class id.
        stem: channels at stride 2.
        stages: channels at strides 4, 8, 16 and 32.
        pyramid: channels of the feature pyramid.
        heads: channels in the heads of strides 8, 16 and 32, after their first and second separable convolution.
        ranks: factorised pointwise convolutions, by layer, with the number of channels between the two factors.
    """

    labels: tuple[str, ...]
    stem: int = 16
    stages: tuple[int, int, int, int] = (32, 48, 80, 128)
    pyramid: int = 64
    heads: tuple[tuple[int, int], tuple[int, int], tuple[int, int]] = ((64, 64), (64, 64), (64, 64))
    ranks: dict[str, int] = {}

    @classmethod
    def of_width(cls, labels: tuple[str, ...], width: float) -> "Architecture":
        """Return the standard network with all channel counts multiplied by `width`, in steps of 8 (4 for the stem)."""
        standard = cls(labels=labels)
        return cls(
            labels=labels,
            stem=_round_channels(standard.stem * width, step=4),
            stages=tuple(_round_channels(c * width) for c in standard.stages),  # type: ignore[arg-type]  # four
            pyramid=_round_channels(standard.pyramid * width),
            heads=tuple(tuple(_round_channels(c * width) for c in head) for head in standard.heads),  # type: ignore[arg-type]  # 3 x 2
        )


def _round_channels(count: float, *, step: int = 8) -> int:
    return max(step, round(count / step) * step)
