"""One name for a set of pictures: the same pictures and boxes, the same digest."""

from collections.abc import Iterable
from hashlib import sha256

import numpy as np

from edged_models.pictures.labelled import LabelledPicture


def digest_pictures(labels: tuple[str, ...], pictures: Iterable[LabelledPicture]) -> str:
    """SHA-256 over labels, pixels, boxes and classes, in order.

    Raises:
        PicturesError: a picture cannot be read.
    """
    sha = sha256("\n".join(labels).encode())
    for one in pictures:
        sha.update(str(one.image.shape).encode())
        for part in (one.image, one.boxes, one.classes):
            sha.update(np.ascontiguousarray(part).tobytes())
    return sha.hexdigest()
