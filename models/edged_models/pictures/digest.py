"""The digest of a set of pictures: equal pictures and boxes have equal digests."""

from collections.abc import Iterable
from hashlib import sha256

import numpy as np

from edged_models.pictures.labelled import LabelledPicture


def digest_pictures(labels: tuple[str, ...], pictures: Iterable[LabelledPicture]) -> str:
    """Return the SHA-256 over labels, pixels, boxes and classes, in order.

    Raises:
        PicturesError: a picture cannot be read.
    """
    sha = sha256("\n".join(labels).encode())
    for picture in pictures:
        sha.update(str(picture.image.shape).encode())
        arrays = [picture.image, picture.boxes, picture.classes]
        if len(picture.crowd_boxes):
            sha.update(b"crowd")
            arrays += [picture.crowd_boxes, picture.crowd_classes]
        for array in arrays:
            sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()
