"""Times and movements of the marks in the synthetic scene. Pure functions of the seed; no pixels here."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_LANES = 3
_GLIDE_S = 0.6
"""Seconds that a mark takes to enter, and to leave."""
_OUTSIDE_DISTANCE = 0.75
"""Distance of a mark's first position from the frame's edge, in lengths of the mark: invisible at any angle."""

_MARK_STREAM, _ORDER_STREAM = 1, 2
"""Purposes of random streams, which keep them independent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledMark:
    """The appearance of one mark in the scene.

    Attributes:
        id: number from 1, in order of entry.
        label: the kind of mark.
        entry_s: scene time at which its first pixel may be visible.
        exit_s: scene time at which its last pixel may be visible.
        size: its longer side, as a fraction of the frame's height.
        rest_position: where its centre stays, (x, y) as fractions of the frame.
        enters_from_below: whether it enters and leaves below the frame rather than above it.
        sway_phase: phase of its sway in radians.
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
    """The position of a mark in a frame.

    Attributes:
        x: its centre, as a fraction of the frame's width.
        y: its centre, as a fraction of the frame's height.
        angle: angle in radians.
        scale: its size, as a multiple of its own.
    """

    x: float
    y: float
    angle: float
    scale: float


class Schedule:
    """An endless sequence of marks: one enters every `interval_s` and stays for about `duration_s`.

    Marks that follow each other are side by side, and every label appears once before any appears twice.

    Args:
        seed: source of all variation.
        labels: the marks that take part.
        interval_s: seconds between two entries.
        duration_s: seconds that a mark stays, a tenth more or less.
    """

    def __init__(
        self, *, seed: int, labels: tuple[str, ...], interval_s: float, duration_s: float
    ) -> None:
        self._seed = seed
        self._labels = labels
        self._interval_s = interval_s
        self._duration_s = max(duration_s, 2.5 * _GLIDE_S)
        self.get_mark = lru_cache(maxsize=64)(self._make_mark)
        """Return the mark with the given number, from 0 in order of entry."""

    def list_present(self, at_s: float) -> Iterator[ScheduledMark]:
        """Yield the marks that are present, in order of entry; later ones are nearer to the camera."""
        first = math.floor((at_s - 1.1 * self._duration_s) / self._interval_s) - 1
        last = math.floor(at_s / self._interval_s)
        for number in range(max(0, first), last + 1):
            mark = self.get_mark(number)
            if mark.entry_s <= at_s < mark.exit_s:
                yield mark

    def _make_mark(self, number: int) -> ScheduledMark:
        rng = np.random.default_rng([self._seed, _MARK_STREAM, number])
        entry_s = number * self._interval_s + rng.uniform(0.1, 0.3) * min(self._interval_s, 1.0)
        lane = (number + self._seed) % _LANES
        return ScheduledMark(
            id=number + 1,
            label=self._label_of(number),
            entry_s=entry_s,
            exit_s=entry_s + self._duration_s * rng.uniform(0.9, 1.1),
            size=rng.uniform(0.26, 0.38),
            rest_position=((lane + rng.uniform(0.42, 0.58)) / _LANES, rng.uniform(0.35, 0.65)),
            enters_from_below=bool(rng.random() < 1 / 2),
            sway_phase=rng.uniform(0, 2 * math.pi),
        )

    def _label_of(self, number: int) -> str:
        round_number, place = divmod(number, len(self._labels))
        order = np.random.default_rng([self._seed, _ORDER_STREAM, round_number]).permutation(
            len(self._labels)
        )
        return self._labels[int(order[place])]


def compute_pose(mark: ScheduledMark, at_s: float) -> Pose:
    """Return the pose of a mark at a time at which it is present: it glides in, sways, and glides out."""
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
    """Return a smooth step of `share`: 0 up to 0, 1 from 1 on, and level at both ends."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
