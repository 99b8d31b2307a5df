"""Who enters the stage, when, and how it moves. Pure functions of the seed; no pixels here."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_LANES = 3
_GLIDE_S = 0.6
"""How long a mark takes to come in, and to leave."""
_OUTSIDE_DISTANCE = 0.75
"""How far from the frame's edge, in lengths of the mark, its centre starts: out of sight at any angle."""

_MARK_STREAM, _ORDER_STREAM = 1, 2
"""What a stream of random numbers is for: keeps them apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledMark:
    """One mark's time on the stage.

    Attributes:
        id: from 1, in order of entrance.
        label: what it is.
        entry_s: when its first pixel may be seen.
        exit_s: when its last pixel may be seen.
        size: its longer side, as a fraction of the frame's height.
        rest_position: where its centre stays, (x, y) as fractions of the frame.
        enters_from_below: it comes from, and goes, below the frame rather than above.
        sway_phase: of its sway, radians.
    """

    id: int
    label: str
    entry_s: float
    exit_s: float
    size: float
    rest_position: tuple[float, float]
    enters_from_below: bool
    sway_phase: float


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a mark is: its centre as fractions of the frame, its angle in radians, its size as a share of its own."""

    x: float
    y: float
    angle: float
    scale: float


class Schedule:
    """An endless programme: one mark enters every `interval_s`, and stays for about `duration_s`.

    Neighbours in time stand side by side, and every label comes once before any comes twice.

    Args:
        seed: all that chance depends on.
        labels: which marks take part.
        interval_s: between two entrances, seconds.
        duration_s: how long a mark is on the stage, seconds, a tenth more or less.
    """

    def __init__(
        self, *, seed: int, labels: tuple[str, ...], interval_s: float, duration_s: float
    ) -> None:
        self._seed = seed
        self._labels = labels
        self._interval_s = interval_s
        self._duration_s = max(duration_s, 2.5 * _GLIDE_S)
        self.get_mark = lru_cache(maxsize=64)(self._make_mark)

    def list_present(self, at_s: float) -> Iterator[ScheduledMark]:
        """All whose time it is, in order of entrance: later ones are nearer to the camera."""
        first = math.floor((at_s - 1.1 * self._duration_s) / self._interval_s) - 1
        last = math.floor(at_s / self._interval_s)
        for number in range(max(0, first), last + 1):
            performer = self.get_mark(number)
            if performer.entry_s <= at_s < performer.exit_s:
                yield performer

    def list_entering_before(self, end_s: float) -> tuple[ScheduledMark, ...]:
        """All that enter before `end_s`."""
        numbers = range(max(0, math.ceil(end_s / self._interval_s)))
        return tuple(p for p in map(self.get_mark, numbers) if p.entry_s < end_s)

    def _make_mark(self, number: int) -> ScheduledMark:
        rng = np.random.default_rng([self._seed, _MARK_STREAM, number])
        enters_s = number * self._interval_s + rng.uniform(0.1, 0.3) * min(self._interval_s, 1.0)
        lane = (number + self._seed) % _LANES
        return ScheduledMark(
            id=number + 1,
            label=self._label_of(number),
            entry_s=enters_s,
            exit_s=enters_s + self._duration_s * rng.uniform(0.9, 1.1),
            size=rng.uniform(0.26, 0.38),
            rest_position=((lane + rng.uniform(0.42, 0.58)) / _LANES, rng.uniform(0.35, 0.65)),
            enters_from_below=bool(rng.random() < 1 / 2),
            sway_phase=rng.uniform(0, 2 * math.pi),
        )

    def _label_of(self, number: int) -> str:
        turn, place = divmod(number, len(self._labels))
        order = np.random.default_rng([self._seed, _ORDER_STREAM, turn]).permutation(
            len(self._labels)
        )
        return self._labels[int(order[place])]


def compute_pose(mark: ScheduledMark, at_s: float) -> Pose:
    """Where a performer is at a time within its own; it glides in, sways, and glides out."""
    since_s, left_s = at_s - mark.entry_s, mark.exit_s - at_s
    away = 1 - _smoothstep(min(since_s, left_s) / _GLIDE_S)
    outside = (
        1 + _OUTSIDE_DISTANCE * mark.size
        if mark.enters_from_below
        else -_OUTSIDE_DISTANCE * mark.size
    )
    sway = since_s + mark.sway_phase
    x = mark.rest_position[0] + 0.02 * math.sin(1.3 * sway)
    y = mark.rest_position[1] + 0.03 * math.sin(0.9 * sway)
    return Pose(
        x=x,
        y=y + (outside - y) * away,
        angle=0.12 * math.sin(0.7 * sway),
        scale=1 + 0.08 * math.sin(0.5 * sway),
    )


def _smoothstep(share: float) -> float:
    """0 at 0, 1 from 1 on; level at both ends."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
