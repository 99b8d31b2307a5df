"""The detections of one frame, as arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Detections:
    """The detections of one frame, as a struct of arrays, best score first.

    Attributes:
        boxes: (N, 4) float32, normalised to the frame, clipped to 0..1, x1 <= x2, y1 <= y2.
        scores: (N,) float32, 0..1.
        class_ids: (N,) int32, indices into the model's labels.
    """

    boxes: F32
    scores: F32
    class_ids: I32

    def __post_init__(self) -> None:
        n = len(self.scores)
        if self.boxes.shape != (n, 4) or self.class_ids.shape != (n,) or self.scores.ndim != 1:
            raise ValueError(
                f"detections disagree: boxes {self.boxes.shape}, scores {self.scores.shape}, class ids {self.class_ids.shape}"
            )

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "Detections":
        return Detections(self.boxes[index], self.scores[index], self.class_ids[index])

    @classmethod
    def empty(cls) -> "Detections":
        """Return detections of length 0."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))
