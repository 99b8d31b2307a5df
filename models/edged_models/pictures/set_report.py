"""The contents of a set of pictures: the facts of the report, collected picture by picture."""

import math
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from edged_models.pictures.files import FilePictures
from edged_models.pictures.labelled import LabelledPicture, PictureSet
from edged_models.pictures.problems import (
    PictureProblem,
    ProblemSeverity,
    count_kinds,
)

BOX_SIZE_LIMITS = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper bounds of the classes of box sizes: square root of a box's share of the picture."""


class SetReport(Struct, frozen=True, kw_only=True):
    """One set.

    Attributes:
        name: name of the set.
        task: ``detection`` or ``classification``.
        pictures: number of pictures that can be used.
        left_out: number of pictures that cannot be used, or have no labels.
        empty: number of pictures that can be used and have no objects.
        objects: number of objects of each label.
        ignored_areas: number of areas of each label in which detections are neither right nor wrong; labels without any are left out.
        sizes_px: number of pictures of each size, as ``640x480``, the most frequent first.
        box_sizes: number of boxes up to each size in percent of the picture's side, as ``5 %``.
        most_objects: largest number of objects in one picture.
        errors: number of problems that make pictures unusable.
        warnings: number of the other problems.
        problem_counts: number of problems of each kind.
        problems: all problems, the errors first.
        sha256: digest over labels, pixels and boxes; the same set has the same digest. None if pictures cannot be used,
            and are not to be left out.
    """

    name: str
    task: str
    pictures: int
    left_out: int
    empty: int
    objects: dict[str, int]
    ignored_areas: dict[str, int]
    sizes_px: dict[str, int]
    box_sizes: dict[str, int]
    most_objects: int
    errors: int
    warnings: int
    problem_counts: dict[str, int]
    problems: tuple[PictureProblem, ...]
    sha256: str | None


class SetCounter:
    """Counts what the pictures of one set contain."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self._objects = Counter(dict.fromkeys(labels, 0))
        self._ignored = Counter[str]()
        self._sizes = Counter[str]()
        self._box_sizes = Counter(dict.fromkeys(map(_name_size, BOX_SIZE_LIMITS), 0))
        self._pictures = 0
        self._empty = 0
        self._most = 0

    def add(self, picture: LabelledPicture) -> None:
        """Count a picture."""
        height, width = picture.image.shape[:2]
        self._pictures += 1
        self._empty += not len(picture.classes)
        self._most = max(self._most, len(picture.classes))
        self._objects.update(self._labels[class_id] for class_id in picture.classes)
        self._ignored.update(self._labels[class_id] for class_id in picture.crowd_classes)
        self._sizes[f"{width}x{height}"] += 1
        for x1, y1, x2, y2 in picture.boxes.tolist():
            side = math.sqrt((x2 - x1) * (y2 - y1))
            limit = next((one for one in BOX_SIZE_LIMITS if side <= one), BOX_SIZE_LIMITS[-1])
            self._box_sizes[_name_size(limit)] += 1

    def build(
        self,
        pictures: PictureSet,
        problems: Sequence[PictureProblem],
        *,
        left_out: int,
        sha256: str | None,
    ) -> SetReport:
        """Return the report.

        Args:
            pictures: the set.
            problems: what is wrong with it.
            left_out: number of its pictures that were not added.
            sha256: its digest; None if pictures cannot be used.
        """
        errors = sum(one.severity is ProblemSeverity.ERROR for one in problems)
        by_severity = sorted(problems, key=lambda one: one.severity is not ProblemSeverity.ERROR)
        return SetReport(
            name=pictures.spec if isinstance(pictures, FilePictures) else pictures.name,
            task=pictures.task.value,
            pictures=self._pictures,
            left_out=left_out,
            empty=self._empty,
            objects=dict(self._objects),
            ignored_areas=dict(self._ignored),
            sizes_px=dict(self._sizes.most_common()),
            box_sizes=dict(self._box_sizes),
            most_objects=self._most,
            errors=errors,
            warnings=len(problems) - errors,
            problem_counts=count_kinds(problems),
            problems=tuple(by_severity),
            sha256=sha256,
        )


def _name_size(limit: float) -> str:
    return f"{limit:.0%}".replace("%", " %")
