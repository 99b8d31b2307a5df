"""Opening a set of pictures by its specification; each kind of set is a module here and an entry in the table."""

from collections.abc import Callable
from importlib import import_module

from edged_models.errors import PicturesError
from edged_models.pictures.labelled import PictureSet

_SET_KINDS = ("drawn", "clip", "coco", "yolo", "class_folder", "folder")
"""Modules with ``try_open(spec, labels) -> PictureSet | None``; the first that does not return None is used."""


def open_pictures(spec: str, *, labels: tuple[str, ...] | None = None) -> PictureSet:
    """Open a set of pictures.

    Args:
        spec: ``scenes:held-out``, or the path of a folder, an annotation file or a clip.
        labels: the classes to which names are mapped, in this order; None for the set's own.

    Raises:
        PicturesError: `spec` is not a set of pictures, or its labels do not fit.
    """
    for kind in _SET_KINDS:
        try_open: Callable[..., PictureSet | None] = import_module(
            f"edged_models.pictures.{kind}"
        ).try_open
        pictures = try_open(spec, labels)
        if pictures is not None:
            return pictures
    raise PicturesError(f"{spec} is neither a folder of pictures nor a clip, nor drawn scenes")
