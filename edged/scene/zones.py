"""Membership of objects in zones.

An object stands at its foot point, the middle of its box's lower edge. It is in a zone after its foot point has been in the polygon for
`ZoneSettings.min_frames` frames in a row, and has left after as many frames outside; frames in which it was not detected do not
count. Zones may overlap.
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
    """The zones of one object, in the order of the configuration.

    Attributes:
        zones: those that it is in.
        entered: those that it is or has been in.
    """

    zones: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()


@dataclass(slots=True)
class _ZoneState:
    """The state of one object in every zone.

    Attributes:
        inside: whether it is in the zone.
        entered: whether it is or has been in the zone.
        opposing_frames: for how many frames in a row its foot point has contradicted `inside`.
        membership: the same, by name.
    """

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
        """Take in one frame's objects.

        Args:
            ids: ids of all open objects; others are forgotten.
            labels: their labels.
            boxes: (N, 4) float32, their boxes, [x1, y1, x2, y2] normalised to the frame.
            seen: whether each was detected in this frame.

        Returns:
            The membership of each object, in the same order.
        """
        states = {key: self._states.get(key) or self._make_state() for key in ids}
        self._states = states
        if self._names and states:
            inside = self._test_inside(foot_points(boxes), labels)
            for index, state in enumerate(states.values()):
                if seen[index]:
                    self._update_state(state, inside[index])
        return tuple(state.membership for state in states.values())

    def clear(self) -> None:
        """Forget every object."""
        self._states = {}

    def _make_state(self) -> _ZoneState:
        count = len(self._names)
        return _ZoneState([False] * count, [False] * count, [0] * count, ZoneMembership())

    def _test_inside(self, points: F32, labels: Sequence[str]) -> list[list[bool]]:
        """Return for each object and each zone whether the object stands in it and its label counts there."""
        columns: list[NDArray[np.bool_]] = []
        for polygon, counted_labels in zip(self._polygons, self._labels, strict=True):
            inside = is_in_polygon(points, polygon)
            if counted_labels is not None:
                inside &= np.array([label in counted_labels for label in labels], np.bool_)
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
