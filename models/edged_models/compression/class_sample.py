"""The pictures for fine-tuning a classifier: a limited number, in memory at one size, a part of them kept for validation."""

from dataclasses import dataclass
from hashlib import sha256

import cv2
import numpy as np
from numpy.typing import NDArray

from edged_models.errors import PicturesError
from edged_models.pictures.labelled import LabelledPicture, PictureSet

_MIN_PICTURES = 20
_MAX_BYTES = 512 << 20
_VALIDATION_STEP = 5
"""Every so manieth picture of a class is kept for validation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSample:
    """Pictures of one size with one class each.

    Attributes:
        images: (N, H, W, C) uint8: RGB, or grey with one channel.
        classes: (N,) int32.
        is_kept: (N,) bool, whether a picture is kept for validation and not trained on.
    """

    images: NDArray[np.uint8]
    classes: NDArray[np.int32]
    is_kept: NDArray[np.bool_]

    def digest(self) -> str:
        """Return the SHA-256 over all pictures and classes."""
        sha = sha256(np.ascontiguousarray(self.classes).tobytes())
        sha.update(np.ascontiguousarray(self.images).tobytes())
        return sha.hexdigest()


def draw_class_sample(pictures: PictureSet, *, shape: tuple[int, int, int]) -> ClassSample:
    """Draw evenly spread pictures from a set for classification, and stretch them to the network's input.

    Args:
        pictures: the set.
        shape: height, width and channels (1 or 3) of the input.

    Raises:
        PicturesError: a picture cannot be read, or there are too few to train on.
    """
    height, width, channels = shape
    selected = _select(pictures, bytes_each=height * width * channels)
    classes = np.array([int(one.classes[0]) for one in selected], np.int32)
    return ClassSample(
        images=np.stack([_resize(one.image, height, width, channels) for one in selected]),
        classes=classes,
        is_kept=_keep_for_validation(classes),
    )


def _select(pictures: PictureSet, *, bytes_each: int) -> list[LabelledPicture]:
    if len(pictures) < _MIN_PICTURES:
        raise PicturesError(
            f"{pictures.name}: {len(pictures)} pictures are too few to train on; give {_MIN_PICTURES} or more"
        )
    largest = max(_MIN_PICTURES, _MAX_BYTES // bytes_each)
    indices = np.linspace(0, len(pictures) - 1, min(largest, len(pictures))).astype(int)
    return [pictures[int(index)] for index in indices]


def _keep_for_validation(classes: NDArray[np.int32]) -> NDArray[np.bool_]:
    kept = np.zeros(len(classes), bool)
    for one in np.unique(classes):
        kept[np.flatnonzero(classes == one)[_VALIDATION_STEP - 1 :: _VALIDATION_STEP]] = True
    return kept


def _resize(image: NDArray[np.uint8], height: int, width: int, channels: int) -> NDArray[np.uint8]:
    resized = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR))
    if channels == 1:
        return np.asarray(cv2.cvtColor(resized, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]
    return resized
