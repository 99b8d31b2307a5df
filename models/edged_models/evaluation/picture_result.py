"""The result of running one model on one picture."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edged.types import Detections
from edged_models.pictures.labelled import no_boxes, no_classes


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureResult:
    """A model's detections in one picture, with the ground truth.

    Attributes:
        detections: down to the lowest scores; class ids are indices into the evaluated labels.
        true_boxes: (N, 4) float32, [x1, y1, x2, y2] normalised to the picture.
        true_class_ids: (N,) int32, indices into the evaluated labels.
        crowd_boxes: (M, 4) float32, as `true_boxes`: areas with many objects; a detection in one of its class is neither right nor wrong.
        crowd_class_ids: (M,) int32, indices into the evaluated labels.
        is_empty: true if the picture has no object of any label, and no crowd.
        size_px: width and height of the picture in the model's input.
    """

    detections: Detections
    true_boxes: NDArray[np.float32]
    true_class_ids: NDArray[np.int32]
    is_empty: bool
    size_px: tuple[float, float]
    crowd_boxes: NDArray[np.float32] = field(default_factory=no_boxes)
    crowd_class_ids: NDArray[np.int32] = field(default_factory=no_classes)
