import ast
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from edged.clock import NS_PER_S
from edged.config.settings import (
    CameraSettings,
    DetectSettings,
    EventSettings,
    TrackSettings,
    ZoneSettings,
)
from edged.scene.events import EventType, TrackEvent
from edged.scene.scene import Scene, SceneUpdate
from edged.types import Box, DetectedBox
from support.data_files import data_file
from support.detected_boxes import to_boxes
from support.street_simulation import StreetScenario, simulate_street

LABELS = ("person", "bicycle", "car")
LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
PERSON = (0.2, 0.2, 0.3, 0.6)


def make_scene(
    *,
    zone: dict[str, ZoneSettings] | None = None,
    track: TrackSettings | None = None,
    detect: DetectSettings | None = None,
) -> Scene:
    return Scene(
        CameraSettings(source="synthetic", zone=zone or {}),
        detect=detect or DetectSettings(),
        track=track or TrackSettings(),
        events=EventSettings(),
        labels=LABELS,
    )


def detections(
    *boxes: tuple[float, float, float, float], score: float = 0.9, class_id: int = 0
) -> tuple[DetectedBox, ...]:
    clipped = np.clip(np.array(boxes).reshape(-1, 4), 0.0, 1.0).tolist()
    return tuple(DetectedBox(tuple(box), score, class_id) for box in clipped)


class SceneBench:
    """A scene with frames at a steady rate; it collects all events."""

    def __init__(self, scene: Scene, *, fps: float = 10.0) -> None:
        self.scene = scene
        self.fps = fps
        self.seq = 0
        self.updates: list[SceneUpdate] = []

    def observe(
        self, seen: tuple[DetectedBox, ...], *, frames: int = 1, moving: bool = False
    ) -> SceneUpdate:
        for _ in range(frames):
            update = self.scene.observe(
                seen,
                captured_ns=int(self.seq / self.fps * NS_PER_S),
                frame_seq=self.seq,
                width=768,
                height=432,
                moving=moving,
            )
            self.updates.append(update)
            self.seq += 1
        return update

    @property
    def events(self) -> list[TrackEvent]:
        return [event for update in self.updates for event in update.events]


def test_an_object_starts_is_counted_and_ends() -> None:
    camera = SceneBench(make_scene())
    here = camera.observe(detections(PERSON), frames=10)
    assert here.state.counts == {"person": 1}
    assert here.state.occupied
    empty = camera.observe((), frames=25)
    assert [event.type for event in camera.events] == [EventType.START, EventType.END]
    assert empty.state.counts == {}
    assert not empty.state.occupied


def test_the_first_state_is_a_change_and_a_still_scene_changes_no_more() -> None:
    camera = SceneBench(make_scene())
    camera.observe((), frames=20)
    assert [update.state_changed for update in camera.updates] == [True] + [False] * 19


def test_every_zone_is_counted_even_when_it_is_empty() -> None:
    zones = {
        "left": ZoneSettings(points=LEFT_HALF),
        "right": ZoneSettings(points=tuple((x + 0.5, y) for x, y in LEFT_HALF)),
    }
    state = SceneBench(make_scene(zone=zones)).observe(detections(PERSON), frames=5).state
    assert state.zones == {"left": {"person": 1}, "right": {}}


def test_an_object_that_appears_in_a_zone_starts_there() -> None:
    camera = SceneBench(make_scene(zone={"left": ZoneSettings(points=LEFT_HALF)}))
    camera.observe(detections(PERSON), frames=5)
    start = camera.events[0]
    assert (start.type, start.zones, start.entered_zones) == (EventType.START, ("left",), ("left",))


def test_a_stationary_object_is_counted_but_not_active() -> None:
    camera = SceneBench(make_scene(track=TrackSettings(stationary_s=3.0)))
    assert camera.observe(detections(PERSON), frames=20).state.active == {"person": 1}
    state = camera.observe(detections(PERSON), frames=20).state
    assert (state.active, state.counts) == ({}, {"person": 1})


def test_motion_holds_for_some_seconds_so_that_the_state_is_not_rewritten_with_every_step() -> None:
    camera = SceneBench(make_scene())
    camera.observe(())
    for step in range(100):
        camera.observe((), moving=step % 7 == 0)
    assert sum(update.state_changed for update in camera.updates) == 2
    assert camera.updates[-1].state.motion
    assert not camera.observe((), frames=60).state.motion
    assert sum(update.state_changed for update in camera.updates) == 3


@pytest.mark.parametrize(
    ("label", "stationary_labels", "starts"),
    [("person", None, 10), ("car", None, 2), ("person", ("person",), 2), ("car", (), 10)],
)
def test_only_vehicles_are_waited_for_where_one_was_parked(
    label: str, stationary_labels: tuple[str, ...] | None, starts: int
) -> None:
    bench = SceneBench(make_scene(track=TrackSettings(stationary_labels=stationary_labels)))
    one = detections(PERSON, class_id=LABELS.index(label))
    for _ in range(10):
        bench.observe(one, frames=20)
        bench.observe(detections(), frames=100)
    events = [event for update in bench.updates for event in update.events]
    assert sum(event.type is EventType.START for event in events) == starts


def test_end_all_ends_what_has_started_and_empties_the_state() -> None:
    camera = SceneBench(make_scene(zone={"left": ZoneSettings(points=LEFT_HALF)}))
    camera.observe(detections(PERSON), frames=10, moving=True)
    update = camera.scene.end_all(99 * NS_PER_S)
    (end,) = update.events
    assert (end.type, end.at_ns, end.ended_ns) == (EventType.END, 99 * NS_PER_S, NS_PER_S * 9 // 10)
    assert update.state_changed
    assert (update.state.counts, update.state.zones) == ({}, {"left": {}})
    assert (update.state.occupied, update.state.motion) == (False, False)
    assert camera.scene.end_all(100 * NS_PER_S).events == ()
    assert camera.observe((), frames=50).state.counts == {}


def test_weak_detections_begin_nothing_but_keep_what_is_known() -> None:
    weak, strong = detections(PERSON, score=0.35), detections(PERSON, score=0.6)
    camera = SceneBench(make_scene())
    camera.observe(weak, frames=50)
    assert camera.events == []
    camera.observe(strong, frames=5)
    assert camera.observe(weak, frames=100).state.occupied
    assert not camera.observe(detections(PERSON, score=0.2), frames=30).state.occupied


def sampled_clip() -> list[tuple[DetectedBox, ...]]:
    """Every tenth frame of the real clip, at most one person in each; the file has [y1, x1, y2, x2]."""
    sampled = []
    for line in data_file("video/one-by-one-person-detection.tsv").read_text().splitlines():
        persons = ast.literal_eval(line.split("\t")[2])
        sampled.append(
            tuple(
                one
                for score, (y1, x1, y2, x2) in persons
                for one in detections((x1, y1, x2, y2), score=score)
            )
        )
    return sampled


def interpolate(before: Box, after: Box, share: float) -> Box:
    x1, y1, x2, y2 = (a + (b - a) * share for a, b in zip(before, after, strict=True))
    return x1, y1, x2, y2


def whole_clip() -> Iterator[tuple[DetectedBox, ...]]:
    """All frames: the box is interpolated between two samples that have the person."""
    for before, after in pairwise(sampled_clip()):
        yield before
        for step in range(1, 10):
            yield tuple(
                DetectedBox(interpolate(one.box, two.box, step / 10), one.score, one.class_id)
                for one, two in zip(before, after, strict=False)
            )


def test_the_real_clip_has_six_visits_and_nobody_in_between() -> None:
    camera = SceneBench(make_scene())
    for seen in whole_clip():
        camera.observe(seen)
    kinds = [event.type for event in camera.events if event.type is not EventType.UPDATE]
    assert kinds == [EventType.START, EventType.END] * 6
    ends = [event for event in camera.events if event.type is EventType.END]
    assert [round(end.started_ns * 10 / NS_PER_S) for end in ends] == [70, 230, 510, 750, 930, 1240]
    last_seen = [round((end.ended_ns or 0) * 10 / NS_PER_S) for end in ends]
    assert last_seen == [190, 440, 690, 860, 1190, 1350]
    occupied = [update.state.occupied for update in camera.updates]
    assert sum(after and not before for before, after in pairwise(occupied)) == 6
    assert sum(before and not after for before, after in pairwise(occupied)) == 6


def test_the_real_clip_at_one_frame_a_second_has_the_same_visits() -> None:
    camera = SceneBench(make_scene(), fps=1.0)
    for seen in sampled_clip():
        camera.observe(seen)
    kinds = [event.type for event in camera.events if event.type is not EventType.UPDATE]
    assert kinds == [EventType.START, EventType.END] * 6


@pytest.mark.parametrize("fps", [4.0, 10.0, 25.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_on_a_simulated_street_the_books_balance(fps: float, seed: int) -> None:
    zones = {
        "left": ZoneSettings(points=LEFT_HALF),
        "cars": ZoneSettings(points=LEFT_HALF, labels=("car",)),
    }
    scene = make_scene(zone=zones, track=TrackSettings(stationary_s=3.0))
    open_ids: set[int] = set()
    known: set[int] = set()
    for seq, shot in enumerate(
        simulate_street(
            StreetScenario(
                people=5,
                cars=1,
                fps=fps,
                duration_s=25,
                miss_rate=0.1,
                false_positives_per_frame=0.2,
            ),
            seed,
        )
    ):
        update = scene.observe(
            to_boxes(shot.detections),
            captured_ns=shot.captured_ns,
            frame_seq=seq,
            width=1280,
            height=720,
            moving=False,
        )
        for event in update.events:
            check_event(event, open_ids, known)
        state = update.state
        assert sum(state.counts.values()) == len(open_ids)
        assert state.occupied == bool(open_ids)
        assert all(state.active.get(label, 0) <= count for label, count in state.counts.items())
        assert set(state.zones["cars"]) <= {"car"}
        assert sum(state.zones["left"].values()) <= len(open_ids)
    for event in scene.end_all(shot.captured_ns).events:
        check_event(event, open_ids, known)
    assert not open_ids
    assert len(known) > 5


def check_event(event: TrackEvent, open_ids: set[int], known: set[int]) -> None:
    """Account for one event."""
    if event.type is EventType.START:
        assert event.id not in known
        open_ids.add(event.id)
        known.add(event.id)
    assert event.id in open_ids
    if event.type is EventType.END:
        open_ids.remove(event.id)
        assert event.ended_ns is not None
        assert event.started_ns < event.ended_ns <= event.at_ns
    assert set(event.zones) <= set(event.entered_zones)
    assert all(0.0 <= edge <= 1.0 for edge in event.box)


def test_the_number_of_visits_does_not_depend_on_the_frame_rate() -> None:
    def visits(fps: float) -> int:
        """Somebody crosses the picture every ten seconds, for six of them."""
        camera = SceneBench(make_scene(), fps=fps)
        for index in range(int(60 * fps)):
            x = (index / fps % 10.0) * 0.15
            camera.observe(detections((x, 0.3, x + 0.1, 0.7)) if x < 0.9 else ())
        camera.observe((), frames=int(3 * fps))
        return sum(event.type is EventType.END for event in camera.events)

    assert [visits(fps) for fps in (2.0, 5.0, 10.0, 30.0)] == [6, 6, 6, 6]
