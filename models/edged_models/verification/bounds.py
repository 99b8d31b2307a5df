"""The bounds on what a conversion may lose: beyond them it is a failure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The smallest agreement with the source.

    Attributes:
        snr_db: ratio of an output's signal to its error, dB, where neither classes nor boxes can be compared.
        least_db: the same where they can.
        top1: share of the decided pictures with the same best class.
        boxes: share of the detections that both have.
    """

    snr_db: float
    least_db: float
    top1: float
    boxes: float


# 60 dB is an error of 0.1 % of the signal: float32 sums in another order stay far below it.
# 40 dB is 1 %: float16 has 11 bits of precision, an error of 0.02 % (74 dB) a weight.
# 15 dB is 18 %, 10 dB is 32 %: 8-bit weights and activations of small networks that kept their accuracy were at 8 to 39 dB
# (docs/models/verification.md). Below 6 dB
# the error is half of the signal: an agreement of classes or boxes is chance then.
_EXACT = Bounds(snr_db=60.0, least_db=60.0, top1=1.0, boxes=0.99)
_HALF = Bounds(snr_db=40.0, least_db=40.0, top1=0.97, boxes=0.97)
_WEIGHTS = Bounds(snr_db=15.0, least_db=6.0, top1=0.95, boxes=0.9)
_INTEGERS = Bounds(snr_db=10.0, least_db=6.0, top1=0.9, boxes=0.8)
_BOUNDS = {
    "float32": _EXACT,
    "float16": _HALF,
    "dynamic": _WEIGHTS,
    "int16x8": _WEIGHTS,
    "int8": _INTEGERS,
}
MIN_OBJECTS = 8
"""With fewer objects the agreement of boxes is no measure, and only the errors of the outputs count."""


def find_bounds(scheme: str) -> Bounds:
    """Return the bounds of a scheme; those of int8 for any that is not named here, as with 4-bit weights or in mixed precision."""
    return _BOUNDS.get(scheme, _INTEGERS)
