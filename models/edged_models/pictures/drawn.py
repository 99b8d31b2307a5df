"""Scenes of printed marks, drawn on access by `edged_models.marks`."""

from collections.abc import Iterator

import numpy as np

from edged.marks import MARK_LABELS
from edged_models.errors import PicturesError
from edged_models.marks.scenes import SIDE_PX, TRAINING_SEEDS, draw_scene
from edged_models.pictures.labelled import LabelledPicture, Task

_PREFIX = "scenes:"
_SEEDS = {
    "train": TRAINING_SEEDS[1_000_000:1_020_000],
    "held-out": range(900_000, 901_000),
    "hard": range(900_000, 901_000),
}


class DrawnScenes:
    """A `PictureSet` of scenes by seed; the same seed gives the same picture."""

    labels = MARK_LABELS
    task = Task.DETECTION

    def __init__(self, seeds: range, *, hard: bool) -> None:
        self._seeds = seeds
        self._hard = hard

    @property
    def name(self) -> str:
        """The kind of scene and its seeds."""
        kind = "hard scenes" if self._hard else "scenes"
        return f"{kind} {self._seeds.start} to {self._seeds.stop - 1}"

    def __len__(self) -> int:
        return len(self._seeds)

    def __getitem__(self, index: int) -> LabelledPicture:
        seed = self._seeds[index]
        drawn = draw_scene(seed, hard=self._hard)
        return LabelledPicture(
            name=f"scene {seed}",
            image=drawn.image,
            boxes=(drawn.boxes / np.float32(SIDE_PX)).astype(np.float32),
            classes=drawn.classes,
        )

    def __iter__(self) -> Iterator[LabelledPicture]:
        return (self[index] for index in range(len(self)))


def try_open(spec: str, labels: tuple[str, ...] | None) -> DrawnScenes | None:
    """Open ``scenes:held-out``, ``scenes:hard`` or ``scenes:train``, or with ``:N`` their first N; return None for any other spec.

    Raises:
        PicturesError: there are no such scenes, or `labels` are not those of the marks.
    """
    if not spec.startswith(_PREFIX):
        return None
    kind, _, count = spec.removeprefix(_PREFIX).partition(":")
    if kind not in _SEEDS or (count and not count.isdigit()):
        known = ", ".join(f"{_PREFIX}{kind}" for kind in _SEEDS)
        raise PicturesError(
            f"there are no scenes called {spec}: choose {known}, each with :N for the first N"
        )
    if labels not in (None, MARK_LABELS):
        raise PicturesError(f"{spec} has printed marks as labels, and the model has others")
    seeds = _SEEDS[kind]
    return DrawnScenes(seeds[: int(count)] if count else seeds, hard=kind == "hard")
