"""Which zones an object is in.

An object stands where its feet are: the middle of its box's lower edge. It is in a zone once it has stood in the polygon
for `ZoneSettings.min_frames` frames in a row, and has left after as many outside; frames in which it was not seen tell
nothing. Zones may overlap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.config.settings import ZoneSettings
from edged.scene.geometry import foot_points, is_in_polygon
from edged.types import F32


@dataclass(frozen=True, slots=True)
class ZoneMembership:
    """The zones of one object, in the config's order.

    Attributes:
        zones: where it is now.
        entered: where it is or has been.
    """

    zones: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()


@dataclass(slots=True)
class _ZoneState:
    """One object: what is believed of each zone, and for how many frames in a row it looked otherwise."""

    inside: list[bool]
    entered: list[bool]
    opposing_frames: list[int]
    membership: ZoneMembership


class Zones:
    """The zones of one camera."""

    def __init__(self, settings: Mapping[str, ZoneSettings]) -> None:
        self._names = tuple(settings)
        self._polygons = [np.array(zone.points, np.float32) for zone in settings.values()]
        self._labels = [zone.labels for zone in settings.values()]
        self._min_frames = [zone.min_frames for zone in settings.values()]
        self._states: dict[int, _ZoneState] = {}

    def update(
        self, ids: Sequence[int], labels: Sequence[str], boxes: F32, seen: Sequence[bool]
    ) -> tuple[ZoneMembership, ...]:
        """Look at one frame's objects.

        Args:
            ids: of all that are open; others are forgotten.
            labels: their labels.
            boxes: (N, 4), their boxes.
            seen: whether each was seen in this frame.

        Returns:
            The membership of each, in the same order.
        """
        stays = {key: self._states.get(key) or self._make_state() for key in ids}
        self._states = stays
        if self._names and stays:
            looks = self._test_inside(foot_points(boxes), labels)
            for index, stay in enumerate(stays.values()):
                if seen[index]:
                    self._update_state(stay, looks[index])
        return tuple(stay.membership for stay in stays.values())

    def clear(self) -> None:
        """Forget every object."""
        self._states = {}

    def _make_state(self) -> _ZoneState:
        count = len(self._names)
        return _ZoneState([False] * count, [False] * count, [0] * count, ZoneMembership())

    def _test_inside(self, points: F32, labels: Sequence[str]) -> list[list[bool]]:
        """For each object, and each zone, whether it stands there and its label counts there."""
        columns: list[NDArray[np.bool_]] = []
        for polygon, wanted in zip(self._polygons, self._labels, strict=True):
            inside = is_in_polygon(points, polygon)
            if wanted is not None:
                inside &= np.array([label in wanted for label in labels], np.bool_)
            columns.append(inside)
        rows: list[list[bool]] = np.stack(columns, axis=1).tolist()
        return rows

    def _update_state(self, state: _ZoneState, inside_flags: list[bool]) -> None:
        changed = False
        for zone, inside in enumerate(inside_flags):
            if inside == state.inside[zone]:
                state.opposing_frames[zone] = 0
                continue
            state.opposing_frames[zone] += 1
            if state.opposing_frames[zone] >= self._min_frames[zone]:
                state.inside[zone] = inside
                state.entered[zone] |= inside
                state.opposing_frames[zone] = 0
                changed = True
        if changed:
            state.membership = ZoneMembership(
                self._select_names(state.inside), self._select_names(state.entered)
            )

    def _select_names(self, flags: list[bool]) -> tuple[str, ...]:
        return tuple(name for name, flag in zip(self._names, flags, strict=True) if flag)
