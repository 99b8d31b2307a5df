"""Sources of training samples: numbered pictures, each drawn or read on demand."""

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
    """A picture with its ground truth, as arrays that can be stacked.

    Attributes:
        image: (S, S, 3) uint8, RGB.
        truth: (M, 5) float32, [x1, y1, x2, y2, class] in pixels; unused rows are filled with `NO_BOX`. M is the same for all samples
            of a source.
    """

    image: NDArray[np.uint8]
    truth: NDArray[np.float32]


class SampleSource(Protocol):
    """A source of training samples, which can be pickled for other processes."""

    def digest(self) -> str:
        """Return the digest of the source: the same digest and number mean the same sample."""

    def __call__(self, number: int) -> TrainingSample:
        """Return the sample of a number from 0 on; there is no last one."""


@dataclass(frozen=True, slots=True)
class DrawnSampleSource:
    """A source of drawn scenes, none of which is used for evaluation.

    Attributes:
        seed: seed of the training; another seed gives other scenes.
        photographs: backgrounds for half of the scenes; None to draw all backgrounds.
    """

    seed: int
    photographs: Photographs | None = None

    def digest(self) -> str:
        """Return the version of the recipe, with the digest of the photographs."""
        return f"scenes {RECIPE}" + (f" {self.photographs.digest()}" if self.photographs else "")

    def __call__(self, number: int) -> TrainingSample:
        """Draw a scene.

        Raises:
            PicturesError: a photograph cannot be read.
        """
        cv2.setNumThreads(1)
        scene_seed = TRAINING_SEEDS[_SCENES_PER_SEED * self.seed + number]
        drawn = draw_scene(scene_seed, photographs=self.photographs)
        return _pack_sample(drawn.image, drawn.boxes, drawn.classes, max_boxes=_MAX_MARKS)


@dataclass(frozen=True, slots=True)
class PictureSampleSource:
    """A source that repeats a set of labelled pictures endlessly.

    Attributes:
        pictures: the set.
    """

    pictures: PictureSet

    def digest(self) -> str:
        """Return the SHA-256 over the pictures and their boxes.

        Raises:
            PicturesError: a picture cannot be read.
        """
        return f"pictures {digest_pictures(self.pictures.labels, self.pictures)}"

    def __call__(self, number: int) -> TrainingSample:
        """Read a picture and stretch it to the square, as the daemon stretches a frame.

        Raises:
            PicturesError: the picture cannot be read.
        """
        picture = self.pictures[number % len(self.pictures)]
        square = cv2.resize(picture.image, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
        image, boxes = np.asarray(square, np.uint8), picture.boxes * np.float32(SIDE_PX)
        return _pack_sample(image, boxes, picture.classes, max_boxes=_MAX_BOXES)


def _pack_sample(
    image: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    classes: NDArray[np.int32],
    *,
    max_boxes: int,
) -> TrainingSample:
    """Pack a picture and its boxes in pixels; only the `max_boxes` largest boxes are kept."""
    truth = np.full((max_boxes, 5), NO_BOX, np.float32)
    rows = np.column_stack([boxes, classes]).astype(np.float32).reshape(-1, 5)
    areas = np.prod(rows[:, 2:4] - rows[:, :2], axis=1)
    kept = rows[np.argsort(-areas, kind="stable")[:max_boxes]]
    truth[: len(kept)] = kept
    return TrainingSample(image, truth)
