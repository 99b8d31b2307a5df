"""Reading pictures from files: the sets of pictures and the drawn scenes both need it."""

import errno
import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.cameras.clips import PICTURE_SUFFIXES
from edged.errors import PictureError
from edged.host.files.given_path import check_regular
from edged.pictures.decode import decode_picture
from edged.pictures.header import MAX_PICTURE_PX
from edged_models.errors import PicturesError

_MAX_BYTES = 8 * MAX_PICTURE_PX
"""More than the largest picture has in any format: 16 bits for each of four channels."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture and turn it upright by its EXIF orientation.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        PicturesError: the file is missing, not a picture, damaged, or too large.
    """
    try:
        # Decoded from memory, because from a file OpenCV accepts a truncated JPEG.
        bgr = decode_picture(_read_content(path))
    except OSError as error:
        raise PicturesError(f"cannot read the picture {path}: {error.strerror or error}") from error
    except PictureError as error:
        raise PicturesError(
            f"{path} is not a picture, or is damaged or too large: {error}; remove or replace it"
        ) from error
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _read_content(path: Path) -> bytes:
    check_regular(path)
    if path.stat().st_size > _MAX_BYTES:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return path.read_bytes()


def find_picture_files(folder: Path, *, with_subfolders: bool = True) -> list[Path]:
    """Return the picture files in a folder, sorted by path.

    Hidden files are not among them: macOS puts ``._NAME`` with other content beside each file of an archive.

    Args:
        folder: the folder.
        with_subfolders: whether to search its subfolders, too.
    """
    return sorted(
        p
        for p in (folder.rglob("*") if with_subfolders else folder.iterdir())
        if p.suffix.lower() in PICTURE_SUFFIXES and not p.name.startswith(".") and p.is_file()
    )


def list_picture_files(folder: Path) -> list[Path]:
    """Return the picture files in a folder and its subfolders, sorted by path.

    Raises:
        PicturesError: there are none.
    """
    paths = find_picture_files(folder)
    if not paths:
        raise PicturesError(f"{folder} holds no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")
    return paths


def is_file(path: Path) -> bool:
    """Return whether a path that a file of labels names is a regular file; one that is too long to be a path is not."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_there(path: Path) -> bool:
    """Return whether a path that a file of labels names exists; one that is too long to be a path does not."""
    try:
        return path.exists()
    except OSError:
        return False
