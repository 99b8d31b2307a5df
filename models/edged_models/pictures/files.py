"""Pictures in files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.cameras.clips import PICTURE_SUFFIXES
from edged_models.errors import PicturesError
from edged_models.pictures.labelled import LabelledPicture


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureEntry:
    """A picture that has not been read yet, and what is in it.

    Attributes:
        path: of the file.
        boxes: (N, 4) float32, x1 y1 x2 y2 in fractions of the picture.
        classes: (N,) int32, indices into the set's labels.
        size_px: width and height that the labels were made for; None if they do not say.
    """

    path: Path
    boxes: NDArray[np.float32]
    classes: NDArray[np.int32]
    size_px: tuple[int, int] | None = None


class FilePictures:
    """A `PictureSet` of files; what is in them is known beforehand."""

    def __init__(self, name: str, labels: tuple[str, ...], entries: Sequence[PictureEntry]) -> None:
        self.name = name
        self.labels = labels
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> LabelledPicture:
        entry = self._entries[index]
        image = read_picture(entry.path)
        height, width = image.shape[:2]
        if entry.size_px not in (None, (width, height)):
            raise PicturesError(
                f"{entry.path} is {width}x{height}, and its labels were made for {'x'.join(map(str, entry.size_px))}: "
                "was it resized, or turned by its EXIF orientation?"
            )
        return LabelledPicture(
            name=str(entry.path), image=image, boxes=entry.boxes, classes=entry.classes
        )

    def __iter__(self) -> Iterator[LabelledPicture]:
        return (self[index] for index in range(len(self)))


def build_entry(
    path: Path,
    boxes: Sequence[Sequence[float]],
    classes: Sequence[int],
    *,
    size_px: tuple[int, int] | None = None,
) -> PictureEntry:
    """An `Entry`, its boxes clipped to the picture; those of which nothing is left go."""
    clipped = np.clip(np.asarray(boxes, np.float32).reshape(-1, 4), 0.0, 1.0)
    keep = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    kept = np.asarray(classes, np.int32)[keep]
    return PictureEntry(path=path, boxes=clipped[keep], classes=kept, size_px=size_px)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB, turned as its EXIF orientation says.

    Raises:
        PicturesError: it is missing, no picture, or damaged.
    """
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise PicturesError(f"cannot read the picture {path}: {error.strerror or error}") from error
    try:
        # From memory, because from a file OpenCV takes half a JPEG for a whole one.
        bgr = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except cv2.error:
        bgr = None
    if bgr is None:
        raise PicturesError(f"{path} is no picture, or a damaged one: remove or replace it")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def list_picture_files(folder: Path) -> list[Path]:
    """The pictures in a folder and in the folders in it, in the order of their paths.

    Raises:
        PicturesError: there is none.
    """
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
    if not found:
        raise PicturesError(f"{folder} holds no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")
    return found
