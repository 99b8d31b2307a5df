"""Pictures of a set that cannot be used: their files are damaged, or their labels are wrong."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from edged_models.errors import PicturesError
from edged_models.pictures.files import FilePictures, PictureSizeError
from edged_models.pictures.labelled import LabelledPicture, PictureSet
from edged_models.pictures.problems import (
    PictureProblem,
    ProblemKind,
    describe_problem,
    select_errors,
)

PictureTracker = Callable[[Iterable[int]], Iterable[int]]
"""Passes the numbers of pictures through unchanged, as a progress bar does."""


def leave_out_unusable(pictures: FilePictures, track: PictureTracker = iter) -> FilePictures:
    """Return the set without the pictures that cannot be used; what is wrong with them is among its problems.

    Args:
        pictures: the set; every file is read.
        track: called with the numbers of the pictures.

    Raises:
        PicturesError: no picture is left.
    """
    bad = {path for one in select_errors(pictures.problems) for path in one.pictures}
    labelled = pictures.without(bad)
    problems: list[PictureProblem] = []
    deque(read_usable(labelled, problems, track), maxlen=0)
    unreadable = {path for one in problems for path in one.pictures}
    usable = labelled.without(unreadable, problems)
    if not len(usable):
        first = select_errors(usable.problems)[0]
        raise PicturesError(f"{usable.name} has no picture that can be used: {first.message}")
    return usable


def read_usable(
    pictures: PictureSet, problems: list[PictureProblem], track: PictureTracker = iter
) -> Iterator[tuple[int, LabelledPicture]]:
    """Yield the pictures that can be read, each with its number.

    Args:
        pictures: the set; only of files on disk a part can be unreadable.
        problems: takes one for each picture that cannot be read.
        track: called with the numbers of the pictures.

    Raises:
        PicturesError: a clip cannot be read.
    """
    if not isinstance(pictures, FilePictures):
        numbers = track(range(len(pictures)))
        yield from zip(numbers, pictures, strict=True)
        return
    for index in track(range(len(pictures))):
        try:
            yield index, pictures[index]
        except PicturesError as error:
            is_size = isinstance(error, PictureSizeError)
            kind = ProblemKind.OTHER_SIZE if is_size else ProblemKind.UNREADABLE
            path = pictures.entries[index].path
            problems.append(describe_problem(kind, str(error), path))
