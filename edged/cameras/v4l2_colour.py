"""The colours of an uncompressed V4L2 picture: what its format says of them, and its planes."""

import fcntl
import struct

import numpy as np
from numpy.typing import NDArray

from edged.cameras.yuv import nv12_to_yuv420p
from edged.types import LIMITED_BT601, ColourMatrix, ColourSpace

# <linux/videodev2.h>: _IOWR('V', 64, struct v4l2_format), and struct v4l2_pix_format in it.
_VIDIOC_TRY_FMT = 0xC0D05640
_FORMAT = struct.Struct("I4x2I4s9I152x")
_TYPE_VIDEO_CAPTURE = 1
_PRIV_MAGIC = 0xFEEDCAFE
"""Where `priv` has this value, the encoding and the quantisation mean something."""
_COLORSPACE_JPEG, _QUANTIZATION_FULL = 7, 1
_ENCODINGS = {2: ColourMatrix.BT709, 4: ColourMatrix.BT709, 6: ColourMatrix.BT2020, 7: ColourMatrix.BT2020, 8: ColourMatrix.SMPTE240M}  # fmt: skip
"""V4L2_YCBCR_ENC_…; the others are BT.601."""
_DEFAULT_MATRICES = {2: ColourMatrix.SMPTE240M, 3: ColourMatrix.BT709, 10: ColourMatrix.BT2020, 12: ColourMatrix.BT709}  # fmt: skip
"""V4L2_MAP_YCBCR_ENC_DEFAULT, by V4L2_COLORSPACE_…."""


def read_colour(node: int, width: int, height: int, fourcc: str) -> ColourSpace:
    """Ask a device what its pictures in a format would mean; the device keeps the format that it has.

    Args:
        node: file descriptor of the device.
        width: width of the picture, pixels.
        height: height of the picture, pixels.
        fourcc: the format, as V4L2 names it.
    """
    wish = _FORMAT.pack(_TYPE_VIDEO_CAPTURE, width, height, fourcc.encode(), *(0,) * 9)
    try:
        answer = fcntl.ioctl(node, _VIDIOC_TRY_FMT, wish)
    except OSError:  # it does not know the request, or not the format
        return LIMITED_BT601
    return _interpret(answer)


def _interpret(answer: bytes) -> ColourSpace:
    colorspace, priv, _flags, encoding, quantization, _transfer = _FORMAT.unpack(answer)[-6:]
    if priv != _PRIV_MAGIC:
        encoding = quantization = 0
    matrix = _ENCODINGS.get(encoding, ColourMatrix.BT601)
    if encoding == 0:
        matrix = _DEFAULT_MATRICES.get(colorspace, ColourMatrix.BT601)
    full = quantization == _QUANTIZATION_FULL
    return ColourSpace(matrix, full or (quantization == 0 and colorspace == _COLORSPACE_JPEG))


def can_split(fourcc: str) -> bool:
    """Return whether `split_raw` knows a format."""
    return fourcc in {"YUYV", "UYVY", "NV12", "YU12"}


def split_raw(
    raw: NDArray[np.uint8], fourcc: str, width: int, height: int
) -> NDArray[np.uint8] | None:
    """Split the bytes of a picture into the planes of I420.

    Args:
        raw: uint8 of any shape: OpenCV 4 gives one row, OpenCV 5 the picture's own shape.
        fourcc: their format.
        width: width of the picture, pixels, even.
        height: height of the picture, pixels, even.

    Returns:
        (H*3/2, W) uint8; None if these are too few bytes.
    """
    depth = 2.0 if fourcc in {"YUYV", "UYVY"} else 1.5
    size = int(width * height * depth)
    if raw.size < size:
        return None
    flat = raw.reshape(-1)[:size]
    if fourcc == "YU12":
        return flat.reshape(-1, width)
    if fourcc == "NV12":
        return nv12_to_yuv420p(flat.reshape(-1, width))
    return _split_packed(flat.reshape(height, width, 2), luma_at=1 if fourcc == "UYVY" else 0)


def _split_packed(raw: NDArray[np.uint8], luma_at: int) -> NDArray[np.uint8]:
    height, width = raw.shape[:2]
    planar = np.empty((height * 3 // 2, width), np.uint8)
    planar[:height] = raw[..., luma_at]
    # One of two rows of chroma is enough: the encoder reduces the picture further.
    chroma = planar[height:].reshape(2, height // 2, width // 2)
    chroma[0], chroma[1] = raw[::2, 0::2, 1 - luma_at], raw[::2, 1::2, 1 - luma_at]
    return planar
