"""The values that sets of pictures are made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPicture:
    """A picture and what is in it.

    Attributes:
        name: says where it came from: a file's name, a clip's frame, a scene's seed.
        image: (H, W, 3) uint8, RGB.
        boxes: (N, 4) float32, x1 y1 x2 y2 in fractions of the picture.
        classes: (N,) int32, indices into the set's labels.
    """

    name: str
    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    classes: NDArray[np.int32]


class PictureSet(Protocol):
    """Labelled pictures in a fixed order, each read or drawn when it is asked for."""

    @property
    def name(self) -> str:
        """Where they come from, for reports."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes; a class id is an index into them."""

    def __len__(self) -> int:
        """How many pictures there are."""

    def __getitem__(self, index: int) -> LabelledPicture:
        """One of them.

        Raises:
            PicturesError: it cannot be read.
            IndexError: there are not so many.
        """

    def __iter__(self) -> Iterator[LabelledPicture]:
        """All of them in order."""
