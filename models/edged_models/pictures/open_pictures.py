"""Opening a set of pictures by its specification; each kind of set is a module here and an entry in the table."""

from collections.abc import Callable
from importlib import import_module

from edged_models.errors import PicturesError
from edged_models.pictures.files import FilePictures
from edged_models.pictures.labelled import PictureSet
from edged_models.pictures.problems import select_errors
from edged_models.pictures.unusable import PictureTracker, leave_out_unusable

_SET_KINDS = ("drawn", "clip", "coco", "yolo", "voc", "class_folder", "folder")
"""Modules with ``try_open(spec, labels) -> PictureSet | None``; the first that does not return None is used."""


def open_pictures(
    spec: str,
    *,
    labels: tuple[str, ...] | None = None,
    skip_bad: bool = False,
    track: PictureTracker = iter,
) -> PictureSet:
    """Open a set of pictures.

    Args:
        spec: ``scenes:held-out``, or the path of a folder, an annotation file or a clip.
        labels: the classes to which names are mapped, in this order; None for the set's own.
        skip_bad: read all picture files once, and leave out those that cannot be used; the set's name says how many.
        track: called with the numbers of the picture files that are read, for a progress bar.

    Raises:
        PicturesError: `spec` is not a set of pictures, its labels do not fit, or with `skip_bad` no picture is left; without it, there is
            an error in the labels.
    """
    pictures = open_unchecked(spec, labels=labels)
    if not isinstance(pictures, FilePictures):
        return pictures
    if skip_bad:
        return leave_out_unusable(pictures, track)
    errors = select_errors(pictures.problems)
    if errors:
        more = f" (and {len(errors) - 1} more errors)" if len(errors) > 1 else ""
        raise PicturesError(f"{errors[0].message}{more}; `edged-models pictures {spec}` lists all")
    return pictures


def open_unchecked(spec: str, *, labels: tuple[str, ...] | None = None) -> PictureSet:
    """Open a set of pictures, whatever is wrong with its labels: `FilePictures.problems` has it.

    Args:
        spec: as for `open_pictures`.
        labels: as for `open_pictures`.

    Raises:
        PicturesError: `spec` is not a set of pictures, or its classes are not among `labels`.
    """
    for kind in _SET_KINDS:
        try_open: Callable[..., PictureSet | None] = import_module(
            f"edged_models.pictures.{kind}"
        ).try_open
        pictures = try_open(spec, labels)
        if pictures is not None:
            return pictures
    raise PicturesError(f"{spec} is neither a folder of pictures nor a clip, nor drawn scenes")
