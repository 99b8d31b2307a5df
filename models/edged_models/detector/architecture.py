"""What the net is made of, as a value: it travels with the weights, so that whoever reads them can build the net again."""

from msgspec import Struct


class Architecture(Struct, frozen=True, kw_only=True):
    """Channels of every part of the net, and what it finds.

    Attributes:
        labels: the classes.
        stem: channels at stride 2.
        stages: channels at strides 4, 8, 16 and 32.
        pyramid: channels of the feature pyramid.
        heads: channels within the heads of strides 8, 16 and 32: after their first and second separable convolution.
        ranks: pointwise convolutions that are two thin ones, by layer, with the channels between the two.
    """

    labels: tuple[str, ...]
    stem: int = 16
    stages: tuple[int, int, int, int] = (32, 48, 80, 128)
    pyramid: int = 64
    heads: tuple[tuple[int, int], tuple[int, int], tuple[int, int]] = ((64, 64), (64, 64), (64, 64))
    ranks: dict[str, int] = {}

    @classmethod
    def of_width(cls, labels: tuple[str, ...], width: float) -> "Architecture":
        """The standard net with all channels multiplied by `width`, in steps of 8 (4 for the stem)."""
        whole = cls(labels=labels)
        return cls(
            labels=labels,
            stem=_round_channels(whole.stem * width, step=4),
            stages=tuple(_round_channels(c * width) for c in whole.stages),  # type: ignore[arg-type]  # four
            pyramid=_round_channels(whole.pyramid * width),
            heads=tuple(tuple(_round_channels(c * width) for c in head) for head in whole.heads),  # type: ignore[arg-type]  # 3 x 2
        )


def _round_channels(wanted: float, *, step: int = 8) -> int:
    return max(step, round(wanted / step) * step)
