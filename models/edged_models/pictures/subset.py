"""Subsets of a set of pictures."""

from collections.abc import Iterator

from edged_models.pictures.files import FilePictures
from edged_models.pictures.labelled import LabelledPicture, PictureSet


class _PictureSubset:
    def __init__(self, pictures: PictureSet, indices: list[int]) -> None:
        self._pictures = pictures
        self._indices = indices
        self.labels = pictures.labels
        self.task = pictures.task
        self.name = f"{pictures.name} ({len(indices)} of {len(pictures)})"

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> LabelledPicture:
        return self._pictures[self._indices[index]]

    def __iter__(self) -> Iterator[LabelledPicture]:
        return (self[index] for index in range(len(self)))


def take_evenly(pictures: PictureSet, count: int | None) -> PictureSet:
    """Return `count` pictures spread evenly over the set, or the set itself if it has no more or `count` is None."""
    if count is None or count >= len(pictures):
        return pictures
    indices = [i * len(pictures) // count for i in range(count)]
    if isinstance(pictures, FilePictures):
        return pictures.select(indices)
    return _PictureSubset(pictures, indices)


def hold_out(pictures: PictureSet, *, every: int) -> tuple[PictureSet, PictureSet]:
    """Split off each `every`-th picture; return the rest, to train on, and those, to validate with."""
    held_out = set(range(every - 1, len(pictures), every))
    rest = [i for i in range(len(pictures)) if i not in held_out]
    return _PictureSubset(pictures, rest), _PictureSubset(pictures, sorted(held_out))
