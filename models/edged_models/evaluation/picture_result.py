"""A look at a picture: what was found in it, and what is in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.types import Detections


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureResult:
    """Of one model at one picture.

    Attributes:
        detections: down to the lowest scores; class ids are indices into the judged labels.
        true_boxes: (N, 4) float32, x1 y1 x2 y2 in fractions of the picture, of what is in it.
        true_class_ids: (N,) int32, indices into the judged labels.
        is_empty: nothing is in it, of whatever label.
        size_px: width and height that the picture has in the model's input.
    """

    detections: Detections
    true_boxes: NDArray[np.float32]
    true_class_ids: NDArray[np.int32]
    is_empty: bool
    size_px: tuple[float, float]
