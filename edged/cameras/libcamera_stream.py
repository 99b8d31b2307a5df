"""The planes of a picamera2 stream, and what libcamera says that they mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.cameras.yuv import nv12_to_yuv420p
from edged.types import LIMITED_BT601, ColourMatrix, ColourSpace

_MATRICES = {"Rec709": ColourMatrix.BT709, "Rec2020": ColourMatrix.BT2020}
"""The names of libcamera's YcbcrEncoding; the others, Rec601 and Null, are BT.601."""


def read_colour(camera: Any) -> ColourSpace:
    """Return what the planes of the stream `lores` mean, which need not be what was asked for.

    It is libcamera's own answer, because picamera2 replaces the range and the encoding in its `camera_config` by usual ones.

    Args:
        camera: a configured `picamera2.Picamera2`.
    """
    space = camera.libcamera_config.at(camera.lores_index).color_space
    if space is None:
        return LIMITED_BT601
    matrix = _MATRICES.get(space.ycbcrEncoding.name, ColourMatrix.BT601)
    return ColourSpace(matrix, is_full_range=space.range.name == "Full")


def copy_planes(request: Any, lores: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Copy the stream `lores` of a completed request.

    Args:
        request: picamera2's.
        lores: picamera2's configuration of the stream: YUV420 or NV12.

    Returns:
        (H*3/2, stride) uint8, I420.
    """
    from picamera2 import MappedArray

    stride = lores["stride"]
    rows = lores["size"][1] * 3 // 2
    with MappedArray(request, "lores", reshape=False) as mapped:
        pixels = mapped.array[: rows * stride].reshape(rows, stride)
        if lores["format"] == "NV12":
            return nv12_to_yuv420p(pixels)
        return np.array(pixels, np.uint8)
