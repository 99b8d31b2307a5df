"""Conversion of pixel layouts that libraries deliver and `edged.types.PixelFormat` does not have."""

import numpy as np
from numpy.typing import NDArray


def nv12_to_yuv420p(nv12: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Split the interleaved chroma of NV12 into the U and V planes of I420.

    Args:
        nv12: (H*3/2, stride) uint8, both even: the Y plane, then rows of alternating U and V.

    Returns:
        A new (H*3/2, stride) uint8 array: the Y plane, then U, then V, their rows half a stride apart.
    """
    height = nv12.shape[0] * 2 // 3
    planar = np.empty_like(nv12)
    planar[:height] = nv12[:height]
    chroma = planar[height:].reshape(2, height // 2, nv12.shape[1] // 2)
    chroma[0] = nv12[height:, 0::2]
    chroma[1] = nv12[height:, 1::2]
    return planar
