"""A look at a picture: what was found in it, and what is in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.types import Detections


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Of one model at one picture.

    Attributes:
        found: down to the lowest scores; class ids are indices into the judged labels.
        boxes: (N, 4) float32, x1 y1 x2 y2 in fractions of the picture, of what is in it.
        classes: (N,) int32, indices into the judged labels.
        empty: nothing is in it, of whatever label.
        size_px: width and height that the picture has in the model's input.
    """

    found: Detections
    boxes: NDArray[np.float32]
    classes: NDArray[np.int32]
    empty: bool
    size_px: tuple[float, float]
