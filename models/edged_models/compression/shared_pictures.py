"""The pictures that all processes of a comparison use: drawn or read once, and kept in files that the processes map."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edged_models.compression.picture_sample import PictureSample, draw_sample
from edged_models.pictures.labelled import LabelledPicture, PictureSet, Task
from edged_models.pictures.open_pictures import open_pictures

_TRAINING, _EVALUATION, _SAMPLE = "training", "evaluation", "sample"
_MAX_KEPT_BYTES = 1 << 30
"""A larger set is read from its own files by each process."""


@dataclass(frozen=True, slots=True)
class SharedPictures:
    """Pictures in a folder.

    Attributes:
        folder: the folder; the parent process makes and removes it.
    """

    folder: Path

    def keep_evaluation(self, pictures: PictureSet) -> None:
        """Store the pictures for the evaluation, if they are not too many.

        Raises:
            PicturesError: a picture cannot be read.
        """
        _keep(pictures, self.folder / _EVALUATION)

    def keep_training(self, pictures: PictureSet, *, side_px: int) -> None:
        """Store the pictures that edged's own detector is trained on, as they are and as a sample of one size.

        Raises:
            PicturesError: a picture cannot be read, or there are too few.
        """
        _keep(pictures, self.folder / _TRAINING)
        sample = draw_sample(self._open(_TRAINING) or pictures, side_px=side_px)
        folder = self.folder / _SAMPLE
        folder.mkdir()
        np.save(folder / "images.npy", sample.images)
        np.save(folder / "truth.npy", sample.truth)

    def open_evaluation(self, spec: str, labels: tuple[str, ...] | None) -> PictureSet:
        """Return the pictures for the evaluation.

        Args:
            spec: their name, for those that are not stored.
            labels: the classes to which names are mapped, in this order; None for the set's own.

        Raises:
            PicturesError: a set that is not stored cannot be opened.
        """
        return self._open(_EVALUATION) or open_pictures(spec, labels=labels)

    def read_sample(self) -> PictureSample | None:
        """Return the sample for training, of which only used parts are in memory; None if it is not stored."""
        folder = self.folder / _SAMPLE
        if not folder.is_dir():
            return None
        images = np.load(folder / "images.npy", mmap_mode="r")
        return PictureSample(images=images, truth=np.load(folder / "truth.npy"))

    def draw_training_sample(self, *, side_px: int) -> PictureSample | None:
        """Return the sample for training at any size; None if its pictures are not stored."""
        sample = self.read_sample()
        if sample is None or sample.side_px == side_px:
            return sample
        pictures = self._open(_TRAINING)
        return None if pictures is None else draw_sample(pictures, side_px=side_px)

    def _open(self, name: str) -> "_KeptPictures | None":
        folder = self.folder / name
        return _KeptPictures(folder) if folder.is_dir() else None


def _keep(pictures: PictureSet, folder: Path) -> None:
    """Store a set, unless it is too large: one file for each picture, because their sizes differ."""
    if not len(pictures) or len(pictures) * pictures[0].image.nbytes > _MAX_KEPT_BYTES:
        return
    folder.mkdir()
    for number, picture in enumerate(pictures):
        _keep_picture(picture, folder / f"{number}.npz")
    np.savez(
        folder / "set.npz",
        name=pictures.name,
        labels=np.array(pictures.labels, str),
        task=str(pictures.task),
        count=len(pictures),
    )


def _keep_picture(picture: LabelledPicture, path: Path) -> None:
    np.savez(
        path,
        name=picture.name,
        image=picture.image,
        boxes=picture.boxes,
        classes=picture.classes,
        crowd_boxes=picture.crowd_boxes,
        crowd_classes=picture.crowd_classes,
    )


class _KeptPictures:
    """A `PictureSet` in a folder of `_keep`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with np.load(folder / "set.npz") as held:
            self.name = str(held["name"])
            self.labels = tuple(map(str, held["labels"]))
            self.task = Task(str(held["task"]))
            self._count = int(held["count"])

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> LabelledPicture:
        if not -self._count <= index < self._count:
            raise IndexError(index)
        with np.load(self._folder / f"{index % self._count}.npz") as held:
            return LabelledPicture(
                name=str(held["name"]),
                image=held["image"],
                boxes=held["boxes"],
                classes=held["classes"],
                crowd_boxes=held["crowd_boxes"],
                crowd_classes=held["crowd_classes"],
            )

    def __iter__(self) -> Iterator[LabelledPicture]:
        return (self[index] for index in range(self._count))
