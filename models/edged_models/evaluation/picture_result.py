"""The result of running one model on one picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.types import Detections


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureResult:
    """A model's detections in one picture, with the ground truth.

    Attributes:
        detections: down to the lowest scores; class ids are indices into the evaluated labels.
        true_boxes: (N, 4) float32, [x1, y1, x2, y2] normalised to the picture.
        true_class_ids: (N,) int32, indices into the evaluated labels.
        is_empty: true if the picture has no object of any label.
        size_px: width and height of the picture in the model's input.
    """

    detections: Detections
    true_boxes: NDArray[np.float32]
    true_class_ids: NDArray[np.int32]
    is_empty: bool
    size_px: tuple[float, float]
