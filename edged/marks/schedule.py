"""Who enters the stage, when, and how it moves. Pure functions of the seed; no pixels here."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_LANES = 3
_GLIDE_S = 0.6
"""How long a mark takes to come in, and to leave."""
_OUTSIDE = 0.75
"""How far from the frame's edge, in lengths of the mark, its centre starts: out of sight at any angle."""

_PERFORMER, _ROUND = 1, 2
"""What a stream of random numbers is for: keeps them apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    """One mark's time on the stage.

    Attributes:
        id: from 1, in order of entrance.
        label: what it is.
        enters_s: when its first pixel may be seen.
        leaves_s: when its last pixel may be seen.
        size: its longer side, as a fraction of the frame's height.
        rest: where its centre stays, (x, y) as fractions of the frame.
        below: it comes from, and goes, below the frame rather than above.
        phase: of its sway, radians.
    """

    id: int
    label: str
    enters_s: float
    leaves_s: float
    size: float
    rest: tuple[float, float]
    below: bool
    phase: float


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a mark is: its centre as fractions of the frame, its angle in radians, its size as a share of its own."""

    x: float
    y: float
    angle: float
    scale: float


class Schedule:
    """An endless programme: one mark enters every `every_s`, and stays for about `stay_s`.

    Neighbours in time stand side by side, and every label comes once before any comes twice.

    Args:
        seed: all that chance depends on.
        labels: which marks take part.
        every_s: between two entrances, seconds.
        stay_s: how long a mark is on the stage, seconds, a tenth more or less.
    """

    def __init__(
        self, *, seed: int, labels: tuple[str, ...], every_s: float, stay_s: float
    ) -> None:
        self._seed = seed
        self._labels = labels
        self._every_s = every_s
        self._stay_s = max(stay_s, 2.5 * _GLIDE_S)
        self.performer = lru_cache(maxsize=64)(self._performer)

    def present(self, at_s: float) -> Iterator[Performer]:
        """All whose time it is, in order of entrance: later ones are nearer to the camera."""
        first = math.floor((at_s - 1.1 * self._stay_s) / self._every_s) - 1
        last = math.floor(at_s / self._every_s)
        for number in range(max(0, first), last + 1):
            performer = self.performer(number)
            if performer.enters_s <= at_s < performer.leaves_s:
                yield performer

    def until(self, end_s: float) -> tuple[Performer, ...]:
        """All that enter before `end_s`."""
        numbers = range(max(0, math.ceil(end_s / self._every_s)))
        return tuple(p for p in map(self.performer, numbers) if p.enters_s < end_s)

    def _performer(self, number: int) -> Performer:
        rng = np.random.default_rng([self._seed, _PERFORMER, number])
        enters_s = number * self._every_s + rng.uniform(0.1, 0.3) * min(self._every_s, 1.0)
        lane = (number + self._seed) % _LANES
        return Performer(
            id=number + 1,
            label=self._label(number),
            enters_s=enters_s,
            leaves_s=enters_s + self._stay_s * rng.uniform(0.9, 1.1),
            size=rng.uniform(0.26, 0.38),
            rest=((lane + rng.uniform(0.42, 0.58)) / _LANES, rng.uniform(0.35, 0.65)),
            below=bool(rng.random() < 1 / 2),
            phase=rng.uniform(0, 2 * math.pi),
        )

    def _label(self, number: int) -> str:
        turn, place = divmod(number, len(self._labels))
        order = np.random.default_rng([self._seed, _ROUND, turn]).permutation(len(self._labels))
        return self._labels[int(order[place])]


def pose(performer: Performer, at_s: float) -> Pose:
    """Where a performer is at a time within its own; it glides in, sways, and glides out."""
    since_s, left_s = at_s - performer.enters_s, performer.leaves_s - at_s
    away = 1 - _smooth(min(since_s, left_s) / _GLIDE_S)
    outside = 1 + _OUTSIDE * performer.size if performer.below else -_OUTSIDE * performer.size
    sway = since_s + performer.phase
    x = performer.rest[0] + 0.02 * math.sin(1.3 * sway)
    y = performer.rest[1] + 0.03 * math.sin(0.9 * sway)
    return Pose(
        x=x,
        y=y + (outside - y) * away,
        angle=0.12 * math.sin(0.7 * sway),
        scale=1 + 0.08 * math.sin(0.5 * sway),
    )


def _smooth(share: float) -> float:
    """0 at 0, 1 from 1 on; level at both ends."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
