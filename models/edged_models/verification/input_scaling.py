"""The scaling of pixels inside a model: the steps right behind its input, and which values they are made for. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
_MIN_WIDTH = 0.4
_MAX_WIDTH = 300.0
"""Widths of the range in which a first layer gets its values: 1 for 0..1, 2 for -1..1, about 4.4 after the statistics of ImageNet, 255
for pixels that only lose their mean."""
_MAX_RATIO = 20.0
"""Between the range that a model gets and the one that it is made for: 2 at most if both are usual, 128 if one is taken for pixels."""
_MAX_OFF_CENTRE = 0.15
_MAX_OFF_ZERO = 0.001


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScalingStep:
    """One step ``value * scale + offset`` behind the input.

    Attributes:
        op: its kind, as ``MUL``.
        scale: (1,) or (3,) float64.
        offset: (1,) or (3,) float64.
    """

    op: str
    scale: F64
    offset: F64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InputScaling:
    """All steps behind the input as one.

    Attributes:
        ops: the kinds of the steps, in order.
        scale: (1,) or (3,) float64.
        offset: (1,) or (3,) float64.
    """

    ops: tuple[str, ...]
    scale: F64
    offset: F64

    def map_range(self, low: float, high: float) -> tuple[float, float]:
        """Return the lowest and the highest value that inputs from `low` to `high` become, as a mean over the channels."""
        ends = np.stack([self.scale * low + self.offset, self.scale * high + self.offset])
        return float(ends.min(axis=0).mean()), float(ends.max(axis=0).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelRange:
    """A usual range of a model's input.

    Attributes:
        text: ``0..255``.
        low: what a pixel of 0 is.
        high: what a pixel of 255 is.
        mean: mean of the normalisation that gives this range.
        std: its standard deviation.
    """

    text: str
    low: float
    high: float
    mean: float
    std: float


PIXEL_RANGES = (
    PixelRange(text="0..255", low=0.0, high=255.0, mean=0.0, std=1.0),
    PixelRange(text="0..1", low=0.0, high=1.0, mean=0.0, std=255.0),
    PixelRange(text="-1..1", low=-1.0, high=1.0, mean=127.5, std=127.5),
)


def combine_steps(steps: Sequence[ScalingStep]) -> InputScaling | None:
    """Combine the steps behind an input; None if they do nothing."""
    if not steps:
        return None
    scale, offset = reduce(
        lambda total, step: (total[0] * step.scale, total[1] * step.scale + step.offset),
        steps,
        (np.ones(1), np.zeros(1)),
    )
    if not (np.isfinite(scale).all() and np.isfinite(offset).all() and scale.all()):
        return None
    if np.allclose(scale, 1.0) and np.allclose(offset, 0.0):
        return None
    return InputScaling(ops=tuple(step.op for step in steps), scale=scale, offset=offset)


def find_pixel_range(scaling: InputScaling) -> PixelRange | None:
    """Return the range of inputs that a scaling is made for; None if that is not clear.

    A scaling brings its inputs into a range of a usual width. If several inputs would have one, the range is also centred on 0 or
    begins there.
    """
    fitting = [one for one in PIXEL_RANGES if _has_usual_width(scaling, one)]
    if len(fitting) > 1:
        fitting = [one for one in fitting if _is_centred_or_from_zero(scaling, one)]
    return fitting[0] if len(fitting) == 1 else None


def _has_usual_width(scaling: InputScaling, pixels: PixelRange) -> bool:
    low, high = scaling.map_range(pixels.low, pixels.high)
    return _MIN_WIDTH <= high - low <= _MAX_WIDTH


def _is_centred_or_from_zero(scaling: InputScaling, pixels: PixelRange) -> bool:
    low, high = scaling.map_range(pixels.low, pixels.high)
    width = high - low
    return abs(low + high) / 2 <= _MAX_OFF_CENTRE * width or abs(low) <= _MAX_OFF_ZERO * width


def find_normalisation_fault(
    scaling: InputScaling, mean: Sequence[float], std: Sequence[float]
) -> str | None:
    """Return a clause that says why a normalisation does not fit a model that scales its input itself; None if it fits.

    Args:
        scaling: the model's own scaling.
        mean: mean of the normalisation ``(pixel - mean) / std`` before it, one or one for each channel.
        std: standard deviation, likewise.
    """
    wanted = find_pixel_range(scaling)
    if wanted is None:
        return None
    means, stds = np.asarray(mean, np.float64), np.asarray(std, np.float64)
    ends = np.sort(np.stack([-means / stds, (255 - means) / stds]).mean(axis=1))
    low, high = scaling.map_range(float(ends[0]), float(ends[1]))
    ratio = (ends[1] - ends[0]) / (wanted.high - wanted.low)
    if 1 / _MAX_RATIO < ratio < _MAX_RATIO:
        return None
    kind = "normalised twice" if ratio < 1 else "not normalised"
    return (
        f"its input would be {kind}: pixels are given to it as {ends[0]:.3g}..{ends[1]:.3g}, and its own {' and '.join(scaling.ops)}, "
        f"made for {wanted.text}, turn that into {low:.3g}..{high:.3g}"
    )
