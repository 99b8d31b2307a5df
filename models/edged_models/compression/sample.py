"""The pictures that a net is fine-tuned and calibrated on: a fixed number, held in memory at one size."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edged_models.errors import PicturesError
from edged_models.pictures.labelled import Labelled, PictureSet

_MOST_BOXES = 32
_FEWEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Pictures of one size and their truth.

    Attributes:
        images: (N, side, side, 3) uint8, RGB.
        truth: (N, M, 5) float32, x1 y1 x2 y2 in pixels and the class; class -1 where there is no box.
    """

    images: NDArray[np.uint8]
    truth: NDArray[np.float32]

    @property
    def side_px(self) -> int:
        """Of the pictures."""
        return self.images.shape[1]

    def inputs(self, count: int) -> Iterator[NDArray[np.float32]]:
        """The first pictures as the net is fed: (1, side, side, 3) float32 in 0..1."""
        for image in self.images[:count]:
            yield image[None].astype(np.float32) / 255

    def resized(self, side_px: int) -> "Sample":
        """The same pictures at another size."""
        if side_px == self.side_px:
            return self
        images = np.stack([_resized(image, side_px) for image in self.images])
        scale = np.array([side_px / self.side_px] * 4 + [1], np.float32)
        return Sample(images=images, truth=np.where(self.truth < 0, -1, self.truth * scale))


def sample_of(pictures: PictureSet, *, side_px: int, most: int) -> Sample:
    """The first `most` pictures of a set, stretched to a square as the daemon does it.

    Raises:
        PicturesError: one cannot be read, or there are too few to learn from.
    """
    if len(pictures) < _FEWEST:
        raise PicturesError(
            f"{pictures.name}: {len(pictures)} pictures are too few to learn from, {_FEWEST} are the least"
        )
    chosen = [pictures[index] for index in range(min(most, len(pictures)))]
    return Sample(
        images=np.stack([_resized(one.image, side_px) for one in chosen]),
        truth=np.stack([_truth(one, side_px) for one in chosen]),
    )


def _resized(image: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    if image.shape[:2] == (side_px, side_px):
        return image
    interpolation = cv2.INTER_AREA if image.shape[0] > side_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side_px, side_px), interpolation=interpolation), np.uint8)


def _truth(one: Labelled, side_px: int) -> NDArray[np.float32]:
    rows = np.full((_MOST_BOXES, 5), -1, np.float32)
    boxes = one.boxes[:_MOST_BOXES] * side_px
    rows[: len(boxes), :4] = boxes
    rows[: len(boxes), 4] = one.classes[:_MOST_BOXES]
    return rows
