"""Membership of objects in zones.

An object stands at its foot point, the middle of its box's lower edge. It is in a zone after its foot point has been in the polygon for
`ZoneSettings.min_frames` frames in a row, and has left after as many frames outside; frames in which it was not detected do not
count. Zones may overlap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from edged.config.settings import ZoneSettings
from edged.scene.geometry import PolygonArea, foot_point
from edged.scene.tracking import Track
from edged.types import ClassNames


class ZoneMembership(Struct, frozen=True, gc=False):
    """The zones of one object, in the order of the configuration.

    Attributes:
        zones: those that it is in.
        entered: those that it is or has been in.
    """

    zones: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()


_NOWHERE = ZoneMembership()


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
    membership: ZoneMembership = _NOWHERE


class Zones:
    """The zones of one camera."""

    def __init__(self, settings: Mapping[str, ZoneSettings], class_names: ClassNames) -> None:
        """Begin without objects.

        Args:
            settings: ``[camera.NAME.zone]``.
            class_names: the names of the model's classes.
        """
        self._names = tuple(settings)
        self._class_names = class_names
        self._areas = [PolygonArea(zone.points) for zone in settings.values()]
        self._labels = [zone.labels for zone in settings.values()]
        self._min_frames = [zone.min_frames for zone in settings.values()]
        self._states: dict[int, _ZoneState] = {}

    def update(self, tracks: Sequence[Track]) -> list[ZoneMembership]:
        """Take in one frame's objects, all that are open; return the membership of each, in the same order."""
        if not self._names:
            return [_NOWHERE] * len(tracks)
        memberships: list[ZoneMembership] = []
        known = self._states
        states: dict[int, _ZoneState] = {}
        for track in tracks:
            state = known.get(track.id) or self._make_state()
            states[track.id] = state
            if track.seen:
                self._update_state(state, track)
            memberships.append(state.membership)
        self._states = states
        return memberships

    def clear(self) -> None:
        """Forget every object."""
        self._states = {}

    def _make_state(self) -> _ZoneState:
        count = len(self._names)
        return _ZoneState([False] * count, [False] * count, [0] * count)

    def _update_state(self, state: _ZoneState, track: Track) -> None:
        changed = False
        foot = foot_point(track.box)
        for zone, area in enumerate(self._areas):
            inside = area.contains(foot) and self._counts_label(zone, track.class_id)
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

    def _counts_label(self, zone: int, class_id: int) -> bool:
        labels = self._labels[zone]
        return labels is None or self._class_names[class_id] in labels

    def _select_names(self, flags: list[bool]) -> tuple[str, ...]:
        return tuple(name for name, flag in zip(self._names, flags, strict=True) if flag)
