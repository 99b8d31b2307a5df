"""Labelled pictures, and the protocol of a set of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Task(StrEnum):
    """The kind of a set: what its labels say."""

    DETECTION = "detection"
    """Where the objects in a picture are."""
    CLASSIFICATION = "classification"
    """Which one class the whole picture has."""


def no_boxes() -> NDArray[np.float32]:
    """Return no boxes: (0, 4) float32."""
    return np.empty((0, 4), np.float32)


def no_classes() -> NDArray[np.int32]:
    """Return no classes: (0,) int32."""
    return np.empty(0, np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPicture:
    """A picture and the objects in it; in a set for classification, one object that fills the picture.

    Attributes:
        name: its origin, for messages: a file name, a clip's frame, a scene's seed.
        image: (H, W, 3) uint8, RGB.
        boxes: (N, 4) float32, [x1, y1, x2, y2] normalised to the picture.
        classes: (N,) int32, indices into the set's labels.
        crowd_boxes: (M, 4) float32, as `boxes`: areas with many objects that are not labelled one by one. A detection in such an
            area is neither right nor wrong.
        crowd_classes: (M,) int32, indices into the set's labels.
    """

    name: str
    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    classes: NDArray[np.int32]
    crowd_boxes: NDArray[np.float32] = field(default_factory=no_boxes)
    crowd_classes: NDArray[np.int32] = field(default_factory=no_classes)


class PictureSet(Protocol):
    """Labelled pictures in a fixed order; each is read or drawn on access."""

    @property
    def name(self) -> str:
        """The origin of the pictures, for reports."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names; a class id is an index into them."""

    @property
    def task(self) -> Task:
        """The kind of the set: what its labels say."""

    def __len__(self) -> int:
        """Return the number of pictures."""

    def __getitem__(self, index: int) -> LabelledPicture:
        """Return one picture.

        Raises:
            PicturesError: the picture cannot be read.
            IndexError: `index` is out of range.
        """

    def __iter__(self) -> Iterator[LabelledPicture]:
        """Yield all pictures in order."""
