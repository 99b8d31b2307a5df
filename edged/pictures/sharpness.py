"""The sharpness of an object in a picture: the variance of the Laplacian.

A blurred picture has few steep edges, so that its second derivative varies little (Pech-Pacheco, Cristóbal, Chamorro-Martínez and
Fernández-Valdivia, "Diatom autofocusing in brightfield microscopy: a comparative study", ICPR 2000, measure LAPV; Pertuz, Puig and Garcia, "Analysis of
focus measure operators for shape-from-focus", Pattern Recognition 46, 2013, compare 36 such measures).

The object is first resized to one size. Otherwise the same object would be the less sharp the nearer it is, because its edges spread over more pixels;
so a small object, which must be enlarged, counts as blurred.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE_PX = 128


def measure_sharpness(picture: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian of a picture, which is resized to 128 x 128 pixels.

    Args:
        picture: (H, W, 3) uint8 BGR, or (H, W) uint8 gray; not empty.
    """
    gray = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)  # noqa: PLR2004 - rows, columns
    is_larger = min(gray.shape) >= _SIDE_PX
    method = cv2.INTER_AREA if is_larger else cv2.INTER_LINEAR
    same_size = cv2.resize(gray, (_SIDE_PX, _SIDE_PX), interpolation=method)
    return float(cv2.Laplacian(same_size, cv2.CV_32F).var())
