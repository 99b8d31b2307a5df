"""Pixel layouts that libraries give and `edged.types.PixelFormat` has not."""

import numpy as np
from numpy.typing import NDArray


def nv12_to_yuv420p(nv12: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Part the interleaved chroma of NV12 into the U and V planes of I420.

    Args:
        nv12: (H*3/2, stride) uint8, both even: the Y plane, then rows of U and V in turn.

    Returns:
        A new array of the same shape: the Y plane, then U, then V, their rows half a stride apart.
    """
    height = nv12.shape[0] * 2 // 3
    planar = np.empty_like(nv12)
    planar[:height] = nv12[:height]
    chroma = planar[height:].reshape(2, height // 2, nv12.shape[1] // 2)
    chroma[0] = nv12[height:, 0::2]
    chroma[1] = nv12[height:, 1::2]
    return planar
