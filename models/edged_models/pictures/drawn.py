"""Scenes of printed marks, drawn when they are asked for: `edged_models.marks`."""

from collections.abc import Iterator

import numpy as np

from edged.marks import MARKS
from edged_models.errors import PicturesError
from edged_models.marks.scenes import LEARNT_SEEDS, SIDE_PX, scene
from edged_models.pictures.labelled import Labelled

_PREFIX = "scenes:"
_SEEDS = {
    "train": LEARNT_SEEDS[1_000_000:1_020_000],
    "held-out": range(900_000, 901_000),
    "hard": range(900_000, 901_000),
}


class DrawnScenes:
    """Scenes by seed; the same seed gives the same picture."""

    labels = MARKS

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

    def __getitem__(self, index: int) -> Labelled:
        seed = self._seeds[index]
        drawn = scene(seed, hard=self._hard)
        return Labelled(
            name=f"scene {seed}",
            image=drawn.image,
            boxes=(drawn.boxes / np.float32(SIDE_PX)).astype(np.float32),
            classes=drawn.classes,
        )

    def __iter__(self) -> Iterator[Labelled]:
        return (self[index] for index in range(len(self)))


def open_if_mine(spec: str, labels: tuple[str, ...] | None) -> DrawnScenes | None:
    """``scenes:held-out``, ``scenes:hard`` or ``scenes:train``, with ``:N`` only the first N."""
    if not spec.startswith(_PREFIX):
        return None
    kind, _, count = spec.removeprefix(_PREFIX).partition(":")
    if kind not in _SEEDS or (count and not count.isdigit()):
        known = ", ".join(f"{_PREFIX}{kind}" for kind in _SEEDS)
        raise PicturesError(
            f"there are no scenes called {spec}: {known}, each with :N for N of them"
        )
    if labels not in (None, MARKS):
        raise PicturesError(f"{spec} has marks in it, and the model finds something else")
    seeds = _SEEDS[kind]
    return DrawnScenes(seeds[: int(count)] if count else seeds, hard=kind == "hard")
