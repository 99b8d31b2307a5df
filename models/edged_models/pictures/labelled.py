"""Labelled pictures, and the protocol of a set of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPicture:
    """A picture and the objects in it.

    Attributes:
        name: its origin, for messages: a file name, a clip's frame, a scene's seed.
        image: (H, W, 3) uint8, RGB.
        boxes: (N, 4) float32, [x1, y1, x2, y2] normalised to the picture.
        classes: (N,) int32, indices into the set's labels.
    """

    name: str
    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    classes: NDArray[np.int32]


class PictureSet(Protocol):
    """Labelled pictures in a fixed order; each is read or drawn on access."""

    @property
    def name(self) -> str:
        """The origin of the pictures, for reports."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names; a class id is an index into them."""

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
