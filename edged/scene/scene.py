"""The scene of one camera: filters, tracker, zones, events and counts, one after the other. No I/O."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from edged.clock import NS_PER_S
from edged.config.settings import CameraSettings, DetectSettings, EventSettings, TrackSettings
from edged.scene.events import EventRules, FrameRef, TrackEvent
from edged.scene.filters import NO_SETTINGS, DetectionFilters
from edged.scene.tracking import Track, Tracker, TrackUpdate
from edged.scene.zones import ZoneMembership, Zones
from edged.types import ClassNames, DetectedBox

_MOTION_HOLD_NS = 5 * NS_PER_S
"""Motion ends after this long without any, so that the retained state is not published again at every step of a walker."""

VEHICLES = (
    *("bicycle", "boat", "bus", "car", "motorbike", "motorcycle", "trailer", "train", "truck"),
    *("van", "vehicle"),
)
"""Labels of common models for vehicles, of which another one seldom follows at the same place within a minute."""

Counts = Mapping[str, int]
"""Number of objects by label; labels without objects are missing."""

_ObjectState = tuple[int, bool, ZoneMembership]
"""The part of an object that the scene's state counts: its class, whether it is stationary, and its zones."""


class SceneState(Struct, frozen=True, kw_only=True):
    """The present state of the scene.

    Attributes:
        counts: number of open objects by label.
        active: number of objects that are not stationary, by label.
        zones: `counts` of every zone of the camera.
        zones_active: `active` of every zone of the camera.
        occupied: whether there is any object.
        motion: whether something has moved in the picture within the last seconds.
    """

    counts: dict[str, int] = field(default_factory=dict)
    active: dict[str, int] = field(default_factory=dict)
    zones: dict[str, dict[str, int]] = field(default_factory=dict)
    zones_active: dict[str, dict[str, int]] = field(default_factory=dict)
    occupied: bool = False
    motion: bool = False

    @classmethod
    def empty(cls, zones: tuple[str, ...]) -> "SceneState":
        """Return the state of a scene with these zones and no object."""
        return cls(zones={zone: {} for zone in zones}, zones_active={zone: {} for zone in zones})


class SceneUpdate(Struct, frozen=True, kw_only=True, gc=False):
    """The result of one frame.

    Attributes:
        events: in the order in which they are published.
        state: the state after them.
        state_changed: whether the state differs from the previous one; True the first time.
        detections: the frame's detections that reach their label's threshold; none when the scene was ended from outside.
        tracks: the open objects after the frame, oldest first.
    """

    events: tuple[TrackEvent, ...]
    state: SceneState
    state_changed: bool
    detections: Sequence[DetectedBox]
    tracks: Sequence[Track] = ()


class Scene:
    """The rules of one camera with one model.

    Args:
        camera: the camera's settings; zones and filters are taken from them.
        detect: ``[detect]``.
        track: ``[track]``.
        events: ``[events]``.
        labels: the model's labels; ``labels[class_id]`` names a class.
        ids: source of object ids; share one iterator to make them unique over several cameras.
        recommended: filters that the model's maker recommends, for what the settings leave open.
    """

    def __init__(
        self,
        camera: CameraSettings,
        *,
        detect: DetectSettings,
        track: TrackSettings,
        events: EventSettings,
        labels: tuple[str, ...],
        ids: Iterator[int] | None = None,
        recommended: DetectSettings = NO_SETTINGS,
    ) -> None:
        self.filters = DetectionFilters.from_settings(
            detect,
            camera.detect,
            labels,
            keep_threshold=track.keep_threshold,
            recommended=recommended,
        )
        names = self._class_names = ClassNames(labels)
        resting_labels = VEHICLES if track.stationary_labels is None else track.stationary_labels
        self._tracker = Tracker(
            track, ids=ids, may_rest=lambda class_id: names[class_id] in resting_labels
        )
        self._zone_names = tuple(camera.zone)
        self._zones = Zones(
            {name: zone for name, zone in camera.zone.items() if zone.enabled}, names
        )
        self._event_rules = EventRules(events, names)
        self._state: SceneState | None = None
        self._object_states: list[_ObjectState] = []
        """What `_state` counts."""
        self._last_motion_ns: int | None = None

    def observe(
        self,
        detections: Sequence[DetectedBox],
        *,
        captured_ns: int,
        frame_seq: int,
        width: int,
        height: int,
        moving: bool,
    ) -> SceneUpdate:
        """Take in one inferred frame.

        Args:
            detections: the model's detections, down to `filters.min_score`.
            captured_ns: capture time of the frame on the camera's time line; if that restarts, call `end_all` first.
            frame_seq: the frame's number.
            width: width of the frame in pixels.
            height: height of the frame in pixels.
            moving: whether the motion detector found motion.
        """
        passed = self.filters.apply(detections, width=width, height=height)
        tracks = self._tracker.update(
            passed.detections, passed.strong, captured_ns, listed=passed.listed
        )
        if moving:
            self._last_motion_ns = captured_ns
        zones = self._update_zones(tracks)
        events: tuple[TrackEvent, ...] = ()
        if tracks.tracks or tracks.ended:
            frame = FrameRef(seq=frame_seq, captured_ns=captured_ns, width=width, height=height)
            events = self._event_rules.observe(tracks, zones, frame)
        return self._build_update(events, tracks.tracks, zones, captured_ns, passed.reportable)

    def end_all(self, now_ns: int) -> SceneUpdate:
        """End every object and empty the scene, because its camera is lost or the daemon stops.

        Args:
            now_ns: time on the camera's time line, not before its last frame.
        """
        self._tracker.clear()
        self._zones.clear()
        self._last_motion_ns = None
        return self._build_update(self._event_rules.end_all(now_ns), (), {}, now_ns, ())

    def _update_zones(self, update: TrackUpdate) -> dict[int, ZoneMembership]:
        """Update the zones of every track, unconfirmed ones included, so that an object that begins in a zone starts there."""
        tracks = (*update.tracks, *update.unconfirmed_tracks)
        memberships = self._zones.update(tracks)
        return {track.id: zones for track, zones in zip(tracks, memberships, strict=True)}

    def _build_update(
        self,
        events: tuple[TrackEvent, ...],
        tracks: Sequence[Track],
        zones: Mapping[int, ZoneMembership],
        now_ns: int,
        detections: Sequence[DetectedBox],
    ) -> SceneUpdate:
        motion_ns = self._last_motion_ns
        motion = motion_ns is not None and now_ns - motion_ns < _MOTION_HOLD_NS
        objects = [(track.class_id, track.stationary, zones[track.id]) for track in tracks]
        state = self._state
        changed = False
        if state is None or motion != state.motion or objects != self._object_states:
            state = self._count_objects(objects, motion=motion)
            changed = state != self._state
            self._state, self._object_states = state, objects
        return SceneUpdate(
            events=events,
            state=state,
            state_changed=changed,
            detections=detections,
            tracks=tracks,
        )

    def _count_objects(self, objects: Sequence[_ObjectState], *, motion: bool) -> SceneState:
        state = SceneState(
            counts={},
            active={},
            zones={name: {} for name in self._zone_names},
            zones_active={name: {} for name in self._zone_names},
            occupied=bool(objects),
            motion=motion,
        )
        for class_id, stationary, membership in objects:
            label = self._class_names[class_id]
            _add_one(state.counts, label)
            for zone in membership.zones:
                _add_one(state.zones[zone], label)
            if not stationary:
                _add_one(state.active, label)
                for zone in membership.zones:
                    _add_one(state.zones_active[zone], label)
        return state


def _add_one(counts: dict[str, int], label: str) -> None:
    counts[label] = counts.get(label, 0) + 1
