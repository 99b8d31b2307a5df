"""Reading pictures from files: the sets of pictures and the drawn scenes both need it."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.cameras.clips import PICTURE_SUFFIXES
from edged_models.errors import PicturesError


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture and turn it upright by its EXIF orientation.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        PicturesError: the file is missing, not a picture, or damaged.
    """
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise PicturesError(f"cannot read the picture {path}: {error.strerror or error}") from error
    # Decoded from memory, because from a file OpenCV accepts a truncated JPEG.
    bgr = _decode(content)
    if bgr is None:
        raise PicturesError(f"{path} is not a picture, or is damaged: remove or replace it")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _decode(content: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    try:
        return cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except cv2.error:
        return None


def list_picture_files(folder: Path) -> list[Path]:
    """Return the picture files in a folder and its subfolders, sorted by path.

    Raises:
        PicturesError: there are none.
    """
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise PicturesError(f"{folder} holds no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")
    return paths
