"""One detection as plain values: what the supervisor works with, which has no arrays."""

from msgspec import Struct

Box = tuple[float, float, float, float]
"""[x1, y1, x2, y2], fractions of the frame, origin top left; x1 <= x2, y1 <= y2."""


class DetectedBox(Struct, frozen=True, gc=False):
    """One detection of a frame. Its numbers are those of the model, which are float32.

    Attributes:
        box: its box, 0..1.
        score: its score, 0..1.
        class_id: index into the model's labels.
    """

    box: Box
    score: float
    class_id: int
