"""The annotation file of the COCO format: its form, and reading it."""

from pathlib import Path

import msgspec
from msgspec import Struct

from edged.text import to_utf8
from edged_models.errors import PicturesError

CocoId = int | str
_MAX_BYTES = 2 << 30
"""Four times the annotations of COCO's own training set."""


class CocoImage(Struct):
    """A picture."""

    id: CocoId
    file_name: str
    width: int
    height: int


class CocoAnnotation(Struct):
    """An object, or with ``iscrowd`` an area with many objects that are not labelled one by one."""

    image_id: CocoId
    category_id: int
    id: CocoId | None = None
    bbox: list[float] = []
    """Left, top, width and height, in pixels."""
    iscrowd: int | bool = 0
    keypoints: msgspec.Raw = msgspec.Raw()


class CocoCategory(Struct):
    """A class."""

    id: int
    name: str
    supercategory: str | None = None


class CocoFile(Struct):
    """The parts of the file that are read; segments are not."""

    images: list[CocoImage]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory]


class _CocoProbe(Struct):
    """The keys by which a COCO file is recognised."""

    images: msgspec.Raw = msgspec.Raw()
    annotations: msgspec.Raw = msgspec.Raw()


def is_coco(path: Path) -> bool:
    """Return whether a JSON file has images and annotations.

    Raises:
        PicturesError: it cannot be read, or is not JSON.
    """
    try:
        probe = msgspec.json.decode(_read(path), type=_CocoProbe)
    except msgspec.ValidationError:  # JSON, but not an object
        return False
    except (msgspec.DecodeError, RecursionError) as error:
        raise PicturesError(f"{path} is not JSON, or is damaged: {error}") from error
    return bool(probe.images and probe.annotations)


def read_coco(path: Path) -> CocoFile:
    """Read an annotation file.

    Raises:
        PicturesError: it cannot be read, is not in the COCO format, or names no pictures.
    """
    try:
        coco = msgspec.json.decode(_read(path), type=CocoFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PicturesError(f"{path} has no annotations in the COCO format: {error}") from error
    if not coco.images:
        raise PicturesError(f"{path} names no pictures")
    for index, image in enumerate(coco.images):
        if image.width <= 0 or image.height <= 0:
            size = f"{image.width}x{image.height}"
            raise PicturesError(f"{path}: images[{index}] ({image.file_name}) is {size} pixels")
    return coco


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise PicturesError(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) > _MAX_BYTES:
        raise PicturesError(f"{path} has more than {_MAX_BYTES >> 30} GB: split the set")
    return to_utf8(content)
