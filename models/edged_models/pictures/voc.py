"""Pictures labelled in the Pascal VOC format: an XML file for each picture, in ``Annotations`` or beside it.

Objects that are marked as difficult are areas in which a detection is neither right nor wrong, as in VOC's own evaluation. The first pixel
of a picture is 1. Some tools count from 0: in a set in which a box begins at 0, all coordinates are taken so.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edged_models.errors import PicturesError
from edged_models.picture_files import read_picture
from edged_models.pictures.files import FilePictures
from edged_models.pictures.labelled_files import build_set
from edged_models.pictures.problems import PictureProblem, ProblemKind, describe_problem
from edged_models.pictures.unread_labels import find_unread_labels
from edged_models.pictures.voc_files import VocFiles, find_voc_files
from edged_models.pictures.voc_xml import VocAnnotation, VocObject, read_annotation
from edged_models.pictures.written_boxes import WrittenBox, WrittenLabels

_Read = list[tuple[Path, Path, VocAnnotation]]
"""XML file, picture, and what the file says."""


def try_open(spec: str, labels: tuple[str, ...] | None) -> FilePictures | None:
    """Open a VOC folder, with ``:NAME`` the pictures that ImageSets/Main/NAME.txt lists, or a folder of pictures with XML files beside them.

    Returns:
        The set, or None if the path is neither.

    Raises:
        PicturesError: the list is missing, there are several parts, or the classes are not among `labels`.
    """
    problems: list[PictureProblem] = []
    files = find_voc_files(spec, problems)
    if not files:
        return None
    read = _read_all(files, problems)
    found = [one for _, _, annotation in read for one in annotation.objects]
    names = sorted({one.name for one in found})
    labelled = _write_labels(read, names, _find_first_pixel(spec, found, problems), problems)
    pictures = [picture for sharing in files.values() for picture in sharing]
    problems += find_unread_labels(
        "Pascal VOC", pictures, files.keys(), {file.parent for file in files}
    )
    return build_set(
        spec,
        labelled,
        dict(enumerate(names)),
        labels,
        problems=problems,
        left_out=len(pictures) - len(labelled),
    )


def _read_all(files: VocFiles, problems: list[PictureProblem]) -> _Read:
    read: _Read = []
    for file, pictures in files.items():
        if not pictures or not file.is_file():
            continue
        try:
            annotation = read_annotation(file)
        except PicturesError as error:
            problems.append(describe_problem(ProblemKind.WRONG_LABEL, str(error), *pictures))
            annotation = VocAnnotation(None, (), ())
        problems += [
            describe_problem(ProblemKind.WRONG_LABEL, message, *pictures)
            for message in annotation.problems
        ]
        read += [(file, picture, annotation) for picture in pictures]
    return read


def _find_first_pixel(
    spec: str, objects: Sequence[VocObject], problems: list[PictureProblem]
) -> int:
    """Return the number that the first pixel has: 1, or 0 if a box begins there."""
    if all(min(one.box[:2]) >= 1 for one in objects):
        return 1
    message = f"{spec}: a box begins before pixel 1, the first of this format; all coordinates are taken as counted from 0"
    problems.append(describe_problem(ProblemKind.COORDINATES, message))
    return 0


def _write_labels(
    read: _Read, names: Sequence[str], first_pixel: int, problems: list[PictureProblem]
) -> list[WrittenLabels]:
    ids = {name: class_id for class_id, name in enumerate(names)}
    labelled = []
    for file, picture, annotation in read:
        try:
            size_px = annotation.size_px or _read_size(picture)
        except PicturesError as error:
            problems.append(describe_problem(ProblemKind.UNREADABLE, str(error), picture))
            size_px = (1, 1)
        boxes = [
            _write_box(one, ids, size_px, first_pixel, f"{file}: {one.name}")
            for one in annotation.objects
        ]
        labelled.append(WrittenLabels(picture, boxes, size_px))
    return labelled


def _read_size(picture: Path) -> tuple[int, int]:
    height, width = read_picture(picture).shape[:2]
    return width, height


def _write_box(
    one: VocObject,
    ids: Mapping[str, int],
    size_px: tuple[int, int],
    first_pixel: int,
    place: str,
) -> WrittenBox:
    (x1, y1, x2, y2), (width, height) = one.box, size_px
    corners = (
        (x1 - first_pixel) / width,
        (y1 - first_pixel) / height,
        x2 / width,
        y2 / height,
    )
    return WrittenBox(ids[one.name], corners, place, is_group=one.is_difficult)
