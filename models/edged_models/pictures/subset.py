"""A part of a set of pictures."""

from collections.abc import Iterator

from edged_models.pictures.labelled import LabelledPicture, PictureSet


class _Subset:
    def __init__(self, pictures: PictureSet, indices: list[int]) -> None:
        self._pictures = pictures
        self._indices = indices
        self.labels = pictures.labels
        self.name = f"{pictures.name} ({len(indices)} of {len(pictures)})"

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> LabelledPicture:
        return self._pictures[self._indices[index]]

    def __iter__(self) -> Iterator[LabelledPicture]:
        return (self[index] for index in range(len(self)))


def take_evenly(pictures: PictureSet, count: int | None) -> PictureSet:
    """`count` pictures evenly spread over the set; the set itself if it has no more, or if `count` is None."""
    if count is None or count >= len(pictures):
        return pictures
    return _Subset(pictures, [i * len(pictures) // count for i in range(count)])


def hold_out(pictures: PictureSet, *, every: int) -> tuple[PictureSet, PictureSet]:
    """The set without each `every`-th picture, and those: to learn from, and to judge by."""
    apart = set(range(every - 1, len(pictures), every))
    rest = [i for i in range(len(pictures)) if i not in apart]
    return _Subset(pictures, rest), _Subset(pictures, sorted(apart))
