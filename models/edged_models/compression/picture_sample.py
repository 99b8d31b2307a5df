"""The pictures for fine-tuning and calibration: a limited number, in memory at one size."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from edged_models.errors import PicturesError
from edged_models.pictures.labelled import PictureSet
from edged_models.training.training_samples import stack_truths, stretch_picture

_MIN_PICTURES = 20
_MAX_PICTURES = 1024
"""All pictures are in memory, 200 kB each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSample:
    """Pictures of one size and their ground truth.

    Attributes:
        images: (N, side, side, 3) uint8, RGB.
        truth: (N, M, 5) float32, x1 y1 x2 y2 in pixels and class id, as `stack_truths` returns it.
    """

    images: NDArray[np.uint8]
    truth: NDArray[np.float32]

    @property
    def side_px(self) -> int:
        """The side of the pictures."""
        return self.images.shape[1]

    def inputs(self, count: int) -> Iterator[NDArray[np.float32]]:
        """Yield the network's input of the first `count` pictures: (1, side, side, 3) float32 in 0..1."""
        for image in self.images[:count]:
            yield image[None].astype(np.float32) / 255

    def digest(self) -> str:
        """Return the SHA-256 over all pictures and boxes."""
        sha = sha256(np.ascontiguousarray(self.truth).tobytes())
        sha.update(np.ascontiguousarray(self.images).tobytes())
        return sha.hexdigest()


def draw_sample(pictures: PictureSet, *, side_px: int) -> PictureSample:
    """Draw evenly spread pictures from a set, and stretch them to a square as the daemon does.

    Raises:
        PicturesError: a picture cannot be read, or there are too few to train on.
    """
    if len(pictures) < _MIN_PICTURES:
        raise PicturesError(
            f"{pictures.name}: {len(pictures)} pictures are too few to train on; give {_MIN_PICTURES} or more"
        )
    indices = np.linspace(0, len(pictures) - 1, min(_MAX_PICTURES, len(pictures))).astype(int)
    samples = [stretch_picture(pictures[int(index)], side_px) for index in indices]
    return PictureSample(
        images=np.stack([one.image for one in samples]),
        truth=stack_truths([one.truth for one in samples]),
    )
