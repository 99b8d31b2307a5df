"""What there is to learn from: numbered pictures, each made or read when its number is called."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edged_models.marks.photographs import Photographs
from edged_models.marks.scenes import RECIPE, SIDE_PX, TRAINING_SEEDS, draw_scene
from edged_models.pictures.digest import digest_pictures
from edged_models.pictures.labelled import PictureSet

NO_BOX = -1.0
_MAX_MARKS = 8
_MAX_BOXES = 40
_SCENES_PER_SEED = 1_000_000


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """A picture and its truth, as arrays that can be stacked.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        truth: (M, 5) float32: x1 y1 x2 y2 in pixels and the class; `NO_BOX` in every column where there is none. M is the
            same for all lessons of a source.
    """

    image: NDArray[np.uint8]
    truth: NDArray[np.float32]


class SampleSource(Protocol):
    """A source of lessons; it travels to other processes."""

    def digest(self) -> str:
        """Names the pictures: the same digest and number, the same lesson."""

    def __call__(self, number: int) -> TrainingSample:
        """Make one; numbers have no end."""


@dataclass(frozen=True, slots=True)
class DrawnSampleSource:
    """Scenes of printed marks, none of those that nets are judged on.

    Attributes:
        seed: of the whole training: another seed, other scenes.
        photographs: to put marks before, or None.
    """

    seed: int
    photographs: Photographs | None = None

    def digest(self) -> str:
        """The recipe's version and the photographs' contents."""
        return f"scenes {RECIPE}" + (f" {self.photographs.digest()}" if self.photographs else "")

    def __call__(self, number: int) -> TrainingSample:
        """One scene."""
        cv2.setNumThreads(1)
        place = _SCENES_PER_SEED * self.seed + number
        drawn = draw_scene(TRAINING_SEEDS[place], photographs=self.photographs)
        return _pack_sample(drawn.image, drawn.boxes, drawn.classes, max_boxes=_MAX_MARKS)


@dataclass(frozen=True, slots=True)
class PictureSampleSource:
    """A user's labelled pictures, over and over."""

    pictures: PictureSet

    def digest(self) -> str:
        """SHA-256 over the pictures and their boxes.

        Raises:
            PicturesError: one of them cannot be read.
        """
        return f"pictures {digest_pictures(self.pictures.labels, self.pictures)}"

    def __call__(self, number: int) -> TrainingSample:
        """One of them, stretched to the square as the daemon stretches a frame."""
        one = self.pictures[number % len(self.pictures)]
        square = cv2.resize(one.image, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
        boxes = one.boxes * np.float32(SIDE_PX)
        return _pack_sample(np.asarray(square, np.uint8), boxes, one.classes, max_boxes=_MAX_BOXES)


def _pack_sample(
    image: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    classes: NDArray[np.int32],
    *,
    max_boxes: int,
) -> TrainingSample:
    """Pack a picture and its boxes in pixels; of more than `max_boxes`, the largest."""
    truth = np.full((max_boxes, 5), NO_BOX, np.float32)
    rows = np.column_stack([boxes, classes]).astype(np.float32).reshape(-1, 5)
    areas = np.prod(rows[:, 2:4] - rows[:, :2], axis=1)
    kept = rows[np.argsort(-areas, kind="stable")[:max_boxes]]
    truth[: len(kept)] = kept
    return TrainingSample(image, truth)
