"""Reading pictures from files: the sets of pictures and the drawn scenes both need it."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.cameras.clips import PICTURE_SUFFIXES
from edged.errors import PictureError
from edged.pictures.decode import decode_picture
from edged_models.errors import PicturesError


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture and turn it upright by its EXIF orientation.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        PicturesError: the file is missing, not a picture, damaged, or too large.
    """
    try:
        # Decoded from memory, because from a file OpenCV accepts a truncated JPEG.
        bgr = decode_picture(path.read_bytes())
    except OSError as error:
        raise PicturesError(f"cannot read the picture {path}: {error.strerror or error}") from error
    except PictureError as error:
        raise PicturesError(
            f"{path} is not a picture, or is damaged or too large: {error}; remove or replace it"
        ) from error
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def list_picture_files(folder: Path) -> list[Path]:
    """Return the picture files in a folder and its subfolders, sorted by path.

    Raises:
        PicturesError: there are none.
    """
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise PicturesError(f"{folder} holds no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")
    return paths
