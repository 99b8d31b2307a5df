"""Sets of pictures that are files on disk."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edged_models.errors import PicturesError
from edged_models.picture_files import read_picture
from edged_models.pictures.labelled import LabelledPicture, Task, no_boxes, no_classes
from edged_models.pictures.problems import PictureProblem


class PictureSizeError(PicturesError):
    """A picture has another size than the one for which its labels were made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureEntry:
    """A picture file that has not been read yet, with its labels.

    Attributes:
        path: the file.
        boxes: (N, 4) float32, [x1, y1, x2, y2] normalised to the picture.
        classes: (N,) int32, indices into the set's labels.
        size_px: width and height for which the labels were made; None if unknown.
        crowd_boxes: (M, 4) float32, as `LabelledPicture.crowd_boxes`.
        crowd_classes: (M,) int32, indices into the set's labels.
    """

    path: Path
    boxes: NDArray[np.float32]
    classes: NDArray[np.int32]
    size_px: tuple[int, int] | None = None
    crowd_boxes: NDArray[np.float32] = field(default_factory=no_boxes)
    crowd_classes: NDArray[np.int32] = field(default_factory=no_classes)


class FilePictures:
    """A `PictureSet` of files; the labels are read beforehand, the pictures on access."""

    def __init__(
        self,
        name: str,
        labels: tuple[str, ...],
        entries: Sequence[PictureEntry],
        *,
        task: Task = Task.DETECTION,
        problems: Sequence[PictureProblem] = (),
        left_out: int = 0,
    ) -> None:
        """Keep the entries.

        Args:
            name: the specification of the set.
            labels: the class names.
            entries: the pictures, in order.
            task: what the labels say.
            problems: what was found wrong with the labels.
            left_out: number of pictures of the set that are not among the entries.
        """
        self.labels = labels
        self.task = task
        self.problems = tuple(problems)
        self.entries = tuple(entries)
        self.spec = name
        self.left_out = left_out

    @property
    def name(self) -> str:
        """The specification of the set, and how many of its pictures are left out."""
        return f"{self.spec} ({self.left_out} left out)" if self.left_out else self.spec

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> LabelledPicture:
        entry = self.entries[index]
        image = read_picture(entry.path)
        height, width = image.shape[:2]
        if entry.size_px not in (None, (width, height)):
            raise PictureSizeError(
                f"{entry.path} is {width}x{height}, and its labels were made for {'x'.join(map(str, entry.size_px))}: "
                "was it resized, or turned by its EXIF orientation?"
            )
        return LabelledPicture(
            name=str(entry.path),
            image=image,
            boxes=entry.boxes,
            classes=entry.classes,
            crowd_boxes=entry.crowd_boxes,
            crowd_classes=entry.crowd_classes,
        )

    def __iter__(self) -> Iterator[LabelledPicture]:
        return (self[index] for index in range(len(self)))

    def without(
        self, paths: AbstractSet[Path], problems: Sequence[PictureProblem] = ()
    ) -> "FilePictures":
        """Return the set without these pictures, which are counted in its name, and with more problems."""
        entries = [entry for entry in self.entries if entry.path not in paths]
        return FilePictures(
            self.spec,
            self.labels,
            entries,
            task=self.task,
            problems=(*self.problems, *problems),
            left_out=self.left_out + len(self.entries) - len(entries),
        )

    def select(self, indices: Sequence[int]) -> "FilePictures":
        """Return the set of the pictures with these numbers; its name says how many they are."""
        return FilePictures(
            f"{self.name} ({len(indices)} of {len(self)})",
            self.labels,
            [self.entries[index] for index in indices],
            task=self.task,
            problems=self.problems,
        )


def build_entry(
    path: Path,
    boxes: Sequence[Sequence[float]],
    classes: Sequence[int],
    *,
    size_px: tuple[int, int] | None = None,
) -> PictureEntry:
    """Return an entry with its boxes clipped to the picture; boxes outside it are left out.

    Args:
        path: the picture file.
        boxes: [x1, y1, x2, y2] each, normalised to the picture.
        classes: an index into the set's labels for each box.
        size_px: width and height for which the labels were made; None if unknown.
    """
    kept, kept_classes = clip_boxes(boxes, classes)
    return PictureEntry(path=path, boxes=kept, classes=kept_classes, size_px=size_px)


def clip_boxes(
    boxes: Sequence[Sequence[float]], classes: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Clip boxes to the picture, and leave out those that lie outside it.

    Args:
        boxes: [x1, y1, x2, y2] each, normalised to the picture.
        classes: an index into the set's labels for each box.

    Returns:
        (N, 4) float32 and (N,) int32.
    """
    clipped = np.clip(np.asarray(boxes, np.float32).reshape(-1, 4), 0.0, 1.0)
    keep = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    return clipped[keep], np.asarray(classes, np.int32)[keep]
