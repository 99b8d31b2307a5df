"""The best picture of one object: when another one is worth a try, and whether it is better. Rules; no I/O.

A picture is the better, the surer the model is of the object, the larger the object is, and the sharper: score x area x sharpness. Score and area are known
before a picture is made, so another one is asked for only where they have clearly grown. The sharpness is measured by the worker, which makes
no picture of a subject that is too blurred to be better.
"""

from edged.clock import NS_PER_S
from edged.types import Box

MIN_GAIN = 1.2
"""A picture that is better by less is not worth its bytes."""
_PICTURE_INTERVAL_NS = NS_PER_S
"""Between two pictures of one object, at least."""
_RETRY_INTERVAL_NS = NS_PER_S // 4
"""Between two attempts of which the first gave no picture: the frame was gone, or blurred."""


class BestPicture:
    """The best picture of one object so far."""

    def __init__(self) -> None:
        """Begin without a picture."""
        self.quality = 0.0
        """Of the best picture: score x area x sharpness; 0.0 without one."""
        self._value = 0.0
        self._due_ns = 0
        self.is_pending = False
        """True while an attempt is not over."""

    def is_worth_a_try(self, value: float, now_ns: int) -> bool:
        """Return whether to ask for a picture.

        Args:
            value: score x area of the object in the newest frame.
            now_ns: monotonic time.
        """
        return not self.is_pending and now_ns >= self._due_ns and value >= MIN_GAIN * self._value

    def begin(self) -> None:
        """Note that a picture was asked for."""
        self.is_pending = True

    def min_sharpness(self, value: float) -> float:
        """Return how sharp an object must be for a better picture.

        Args:
            value: score x area of the object.
        """
        return MIN_GAIN * self.quality / value if value else 0.0

    def on_picture(self, value: float, sharpness: float, now_ns: int) -> bool:
        """Take note of a picture; return whether it is the best so far.

        Args:
            value: score x area of its object.
            sharpness: sharpness of its object.
            now_ns: monotonic time.
        """
        self.is_pending = False
        self._due_ns = now_ns + _PICTURE_INTERVAL_NS
        quality = value * sharpness
        is_better = self._value == 0.0 or quality >= MIN_GAIN * self.quality
        if is_better:
            self.quality, self._value = quality, value
        return is_better

    def on_failure(self, now_ns: int) -> None:
        """Take note that there is no picture."""
        self.is_pending = False
        self._due_ns = now_ns + _RETRY_INTERVAL_NS


def value_of(score: float, box: Box) -> float:
    """Return score x area.

    Args:
        score: score of the detection, 0..1.
        box: its box, normalised to the frame.
    """
    x1, y1, x2, y2 = box
    return score * (x2 - x1) * (y2 - y1)
