"""Photographs without any mark, to put marks before, and to learn what is none."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks.mark import random_bool
from edged_models.errors import PicturesError
from edged_models.picture_files import list_picture_files, read_picture

U8 = NDArray[np.uint8]
_MIN_CROP_SHARE = 0.45


@dataclass(frozen=True, slots=True)
class Photographs:
    """A folder of pictures; those of its sub-folders too.

    Attributes:
        paths: in the order of their names.
    """

    paths: tuple[Path, ...]

    @classmethod
    def from_folder(cls, folder: Path) -> "Photographs":
        """All pictures under a folder.

        Raises:
            PicturesError: there is no such folder, or no picture in it.
        """
        paths = list_picture_files(folder) if folder.is_dir() else []
        if not paths:
            raise PicturesError(f"there are no pictures in {folder}")
        return cls(tuple(paths))

    def digest(self) -> str:
        """SHA-256 over the files' contents, whatever they are called."""
        sha = hashlib.sha256()
        for one in sorted(hashlib.sha256(path.read_bytes()).digest() for path in self.paths):
            sha.update(one)
        return sha.hexdigest()

    def crop(self, rng: np.random.Generator, side_px: int) -> U8:
        """A part of one of them, at times mirrored, stretched to (side_px, side_px, 3) uint8 RGB.

        Raises:
            PicturesError: the picture cannot be read.
        """
        path = self.paths[rng.integers(len(self.paths))]
        picture = read_picture(path)
        height, width = picture.shape[:2]
        share = rng.uniform(_MIN_CROP_SHARE, 1.0)
        # The camera's frame is stretched to the square: what is cut out is as wide as such frames are.
        cut_h = round(height * share)
        cut_w = min(width, round(cut_h * rng.uniform(0.75, 1.8)))
        y, x = int(rng.integers(height - cut_h + 1)), int(rng.integers(width - cut_w + 1))
        part = picture[y : y + cut_h, x : x + cut_w]
        how = cv2.INTER_AREA if cut_h > side_px else cv2.INTER_LINEAR
        square = np.asarray(cv2.resize(part, (side_px, side_px), interpolation=how), np.uint8)
        return np.ascontiguousarray(square[:, ::-1] if random_bool(rng, 0.5) else square)
