"""Sources of training samples: numbered pictures, each drawn or read on demand."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edged_models.detector.ground_truth import IGNORED, NO_BOX
from edged_models.marks.photographs import Photographs
from edged_models.marks.scenes import RECIPE, SIDE_PX, TRAINING_SEEDS, draw_scene
from edged_models.pictures.digest import digest_pictures
from edged_models.pictures.labelled import LabelledPicture, PictureSet

_MIN_ROWS = 8
"""The number of rows of ground truth is this one, doubled until all boxes fit: each other number is compiled anew."""
_SCENES_PER_SEED = 1_000_000


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """A picture with its ground truth, as arrays that can be stacked.

    Attributes:
        image: (S, S, 3) uint8, RGB.
        truth: (N, 5) float32, [x1, y1, x2, y2, class] in pixels; the class is `detector.ground_truth.IGNORED` for an area
            with objects that are not labelled one by one.
    """

    image: NDArray[np.uint8]
    truth: NDArray[np.float32]


class SampleSource(Protocol):
    """A source of training samples, which can be pickled for other processes.

    Attributes:
        side_px: side of the square pictures, pixels.
    """

    side_px: int

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
    side_px: ClassVar[int] = SIDE_PX

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
        return TrainingSample(drawn.image, _join_rows(drawn.boxes, drawn.classes))


@dataclass(frozen=True, slots=True)
class PictureSampleSource:
    """A source that repeats a set of labelled pictures endlessly.

    Attributes:
        pictures: the set.
        side_px: side of the square that a picture is stretched to: the largest input of the training.
    """

    pictures: PictureSet
    side_px: int

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
        return stretch_picture(self.pictures[number % len(self.pictures)], self.side_px)


def stretch_picture(picture: LabelledPicture, side_px: int) -> TrainingSample:
    """Stretch a picture to a square, as the daemon stretches a frame, with all its boxes and crowds.

    Args:
        picture: the picture.
        side_px: side of the square, pixels.
    """
    square = cv2.resize(picture.image, (side_px, side_px), interpolation=cv2.INTER_LINEAR)
    ignored = np.full(len(picture.crowd_boxes), IGNORED)
    boxes = np.concatenate([picture.boxes, picture.crowd_boxes]) * np.float32(side_px)
    rows = _join_rows(boxes, np.concatenate([picture.classes, ignored]))
    return TrainingSample(np.asarray(square, np.uint8), rows)


def stack_truths(truths: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Stack ground truths of different lengths.

    Args:
        truths: (N, 5) float32 each, as `TrainingSample.truth`.

    Returns:
        (B, M, 5) float32; unused rows are filled with `NO_BOX`.
    """
    longest = max(map(len, truths))
    rows = _MIN_ROWS << max(0, math.ceil(math.log2(max(longest, 1) / _MIN_ROWS)))
    stacked = np.full((len(truths), rows, 5), NO_BOX, np.float32)
    for target, truth in zip(stacked, truths, strict=True):
        target[: len(truth)] = truth
    return stacked


def _join_rows(boxes: NDArray[np.float32], classes: NDArray[np.generic]) -> NDArray[np.float32]:
    return np.column_stack([boxes, classes]).astype(np.float32).reshape(-1, 5)
