"""Pictures from files and from memory, decoded within a limit and turned upright; the one place that decodes them."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.errors import PictureError
from edged.host.files.given_path import check_regular
from edged.pictures.header import FORMATS, MAX_PICTURE_PX, PictureHeader, read_header

Pixels = NDArray[np.uint8]

_TRANSPOSED = 5
"""EXIF's orientations from here on swap the axes."""


def read_picture(path: Path) -> Pixels:
    """Read a picture file, and turn it upright by its EXIF orientation.

    Returns:
        (H, W, 3) uint8, BGR.

    Raises:
        PictureError: the file cannot be read, is not a picture, is damaged, or has more pixels than `MAX_PICTURE_PX`.
    """
    try:
        return _read_file(path)
    except OSError as error:
        raise PictureError(f"cannot read {path}: {error.strerror or error}") from error
    except PictureError as error:
        raise PictureError(f"cannot read {path} as a picture: {error}") from None


def decode_picture(content: bytes) -> Pixels:
    """Decode a picture, and turn it upright by its EXIF orientation.

    Args:
        content: the whole file.

    Returns:
        (H, W, 3) uint8, BGR.

    Raises:
        PictureError: it is not a picture, is damaged, or has more pixels than `MAX_PICTURE_PX`; the message is a clause about "it".
    """
    header = _check_header(BytesIO(content))
    buffer = np.frombuffer(content, np.uint8)
    return _decode(lambda flags: cv2.imdecode(buffer, flags), header)


def describe_size_problem(width: int, height: int) -> str | None:
    """Return what is wrong with a picture of this size, in pixels, as a clause about "it"; None if nothing is."""
    if width * height <= MAX_PICTURE_PX:
        return None
    return (
        f"it has {width} x {height} pixels, {width * height / 1e6:.0f} megapixels;"
        f" the limit is {MAX_PICTURE_PX / 1e6:.0f} megapixels"
    )


def _read_file(path: Path) -> Pixels:
    check_regular(path)
    with path.open("rb") as file:
        header = _check_header(file)
        file.seek(0)
        is_tiff = file.read(2) in {b"II", b"MM"}
    if is_tiff:  # OpenCV reads one that is turned by 90 degrees only from memory (findings/opencv-turned-pictures.sh)
        return decode_picture(path.read_bytes())
    # From a file OpenCV takes a JPEG that breaks off, and leaves the rest grey; from memory it does not.
    return _decode(lambda flags: cv2.imread(str(path), flags), header)


def _check_header(file: BinaryIO) -> PictureHeader:
    header = read_header(file)
    if header is None:
        raise PictureError(f"it is none of the formats that edged reads: {FORMATS}")
    if problem := describe_size_problem(header.width, header.height):
        raise PictureError(problem)
    return header


def _decode(decode: Callable[[int], cv2.typing.MatLike | None], header: PictureHeader) -> Pixels:
    orientation = header.exif_orientation
    # What is turned here is not to be turned by an OpenCV that knows how.
    ignore = cv2.IMREAD_IGNORE_ORIENTATION if orientation != 1 else 0
    try:
        decoded = decode(cv2.IMREAD_COLOR | ignore)
    except cv2.error:  # one side is longer than OpenCV takes
        decoded = None
    if decoded is None:
        raise PictureError("it cannot be decoded, and may be damaged")
    return _turn(np.asarray(decoded, np.uint8), orientation)


def _turn(pixels: Pixels, orientation: int) -> Pixels:
    if orientation >= _TRANSPOSED:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
