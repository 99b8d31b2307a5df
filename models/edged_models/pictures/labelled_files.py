"""A set of picture files from the labels that were read for them, whatever the format."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edged_models.errors import PicturesError
from edged_models.pictures.class_names import fold_name, map_class_ids
from edged_models.pictures.files import FilePictures, PictureEntry, clip_boxes
from edged_models.pictures.problems import PictureProblem, ProblemKind, describe_problem
from edged_models.pictures.written_boxes import WrittenBox, WrittenLabels, select_boxes


def build_set(
    spec: str,
    labelled: Sequence[WrittenLabels],
    names: Mapping[int, str],
    labels: tuple[str, ...] | None,
    *,
    problems: list[PictureProblem],
    left_out: int = 0,
) -> FilePictures:
    """Return the set of these pictures, with what is wrong with their boxes and names among its problems.

    Args:
        spec: name of the set.
        labelled: the pictures in order, with their boxes.
        names: the set's class names by its own ids.
        labels: the names to map to; None for the set's own.
        problems: what was found so far; takes what is found here.
        left_out: number of pictures that are not among `labelled`.

    Raises:
        PicturesError: a class that occurs is not among `labels`, or no picture is left.
    """
    if not labelled:
        reason = f": {problems[0].message}" if problems else ""
        raise PicturesError(f"{spec} holds no labelled pictures{reason}")
    kept = [select_boxes(one.boxes, problems) for one in labelled]
    used = {box.class_id for boxes in kept for box in boxes}
    problems += find_similar_names(spec, names)
    wanted, index_of = map_class_ids(names, labels, used=used, set_name=spec)
    entries = [
        _build_entry(one, boxes, index_of) for one, boxes in zip(labelled, kept, strict=True)
    ]
    return FilePictures(spec, wanted, entries, problems=problems, left_out=left_out)


def _build_entry(
    labelled: WrittenLabels, boxes: Sequence[WrittenBox], index_of: Mapping[int, int]
) -> PictureEntry:
    objects = [box for box in boxes if not box.is_group]
    groups = [box for box in boxes if box.is_group]
    object_boxes, object_classes = _to_arrays(objects, index_of)
    group_boxes, group_classes = _to_arrays(groups, index_of)
    return PictureEntry(
        path=labelled.picture,
        boxes=object_boxes,
        classes=object_classes,
        size_px=labelled.size_px,
        crowd_boxes=group_boxes,
        crowd_classes=group_classes,
    )


def _to_arrays(
    boxes: Sequence[WrittenBox], index_of: Mapping[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    return clip_boxes([box.corners for box in boxes], [index_of[box.class_id] for box in boxes])


def find_similar_names(spec: str, names: Mapping[int, str]) -> list[PictureProblem]:
    """Return a problem for each group of names that are taken as one.

    Args:
        spec: name of the set.
        names: its class names by its own ids.
    """
    by_folded = defaultdict[str, list[str]](list)
    for name in names.values():
        by_folded[fold_name(name)].append(name)
    return [
        describe_problem(
            ProblemKind.SIMILAR_NAMES,
            f"{spec}: the classes {' and '.join(map(repr, similar))} are taken as one: "
            "names are compared without case, and hyphens and underscores as spaces",
        )
        for similar in by_folded.values()
        if len(similar) > 1
    ]
