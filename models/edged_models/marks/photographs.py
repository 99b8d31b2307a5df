"""Photographs without any mark, as backgrounds and as pictures without objects."""

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
    """The photographs in a folder and its subfolders.

    Attributes:
        paths: picture files, sorted.
    """

    paths: tuple[Path, ...]

    @classmethod
    def from_folder(cls, folder: Path) -> "Photographs":
        """Find all pictures in a folder and its subfolders.

        Raises:
            PicturesError: the folder does not exist, or holds no pictures.
        """
        paths = list_picture_files(folder) if folder.is_dir() else []
        if not paths:
            raise PicturesError(f"there are no pictures in {folder}")
        return cls(tuple(paths))

    def digest(self) -> str:
        """Return the SHA-256 over the contents of the files, regardless of their names."""
        sha = hashlib.sha256()
        for digest in sorted(hashlib.sha256(path.read_bytes()).digest() for path in self.paths):
            sha.update(digest)
        return sha.hexdigest()

    def crop(self, rng: np.random.Generator, side_px: int) -> U8:
        """Cut a random part out of a random photograph, stretch it to a square, and mirror it at random.

        Returns:
            (side_px, side_px, 3) uint8, RGB.

        Raises:
            PicturesError: the photograph cannot be read.
        """
        path = self.paths[rng.integers(len(self.paths))]
        part = _cut_part(read_picture(path), rng)
        method = cv2.INTER_AREA if part.shape[0] > side_px else cv2.INTER_LINEAR
        square = np.asarray(cv2.resize(part, (side_px, side_px), interpolation=method), np.uint8)
        return np.ascontiguousarray(square[:, ::-1] if random_bool(rng, 0.5) else square)


def _cut_part(picture: U8, rng: np.random.Generator) -> U8:
    """Return a random part with the aspect ratio of a camera's frame, which is stretched to the square input."""
    height, width = picture.shape[:2]
    share = rng.uniform(_MIN_CROP_SHARE, 1.0)
    cut_h = round(height * share)
    cut_w = min(width, round(cut_h * rng.uniform(0.75, 1.8)))
    y, x = int(rng.integers(height - cut_h + 1)), int(rng.integers(width - cut_w + 1))
    return picture[y : y + cut_h, x : x + cut_w]
