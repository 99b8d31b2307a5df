import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.clock import NS_PER_S
from edged.config.settings import TrackSettings
from edged.scene.box_arrays import iou_matrix
from edged.scene.tracking import Track, Tracker, TrackUpdate
from edged.scene.tracking.tracker import MAX_TRACKS
from edged.types import DetectedBox, Detections
from support.detected_boxes import to_boxes
from support.street_simulation import StreetScenario, simulate_street

Box = tuple[float, float, float, float]
HERE: Box = (0.2, 0.2, 0.3, 0.6)
WHOLE, PART = (0.2, 0.2, 0.4, 0.8), (0.22, 0.21, 0.32, 0.65)
"""A box, and one wholly inside it; their IoU is 0.37."""


def found(*boxes: Box, score: float = 0.9, class_id: int = 0) -> tuple[DetectedBox, ...]:
    return tuple(DetectedBox(box, score, class_id) for box in boxes)


def shifted(box: Box, x: float) -> Box:
    return (box[0] + x, box[1], box[2] + x, box[3])


# Frames 176 to 195 of the real clip as the COCO SSD sees them: one person, who turns, walks off, and is often found twice.
TURNING: tuple[tuple[tuple[float, Box], ...], ...] = (
    ((0.68, (0.50, 0.03, 0.66, 0.91)),),
    ((0.67, (0.49, 0.03, 0.67, 0.91)),),
    ((0.70, (0.49, 0.02, 0.67, 0.89)),),
    (
        (0.68, (0.50, 0.02, 0.67, 0.89)),
        (0.30, (0.51, 0.04, 0.78, 0.90)),
    ),
    (
        (0.64, (0.49, 0.04, 0.68, 0.91)),
        (0.39, (0.52, 0.04, 0.76, 0.90)),
    ),
    ((0.52, (0.49, 0.03, 0.68, 0.92)),),
    (
        (0.59, (0.52, 0.04, 0.72, 0.88)),
        (0.31, (0.45, 0.02, 0.69, 0.93)),
    ),
    ((0.64, (0.52, 0.06, 0.74, 0.90)),),
    ((0.69, (0.51, 0.03, 0.77, 0.95)),),
    (
        (0.71, (0.52, 0.04, 0.78, 0.91)),
        (0.30, (0.53, 0.28, 0.75, 0.93)),
    ),
    (
        (0.69, (0.53, 0.07, 0.81, 0.90)),
        (0.52, (0.63, 0.05, 0.81, 0.80)),
    ),
    (
        (0.72, (0.63, 0.07, 0.85, 0.92)),
        (0.33, (0.53, 0.14, 0.74, 0.87)),
        (0.32, (0.50, 0.28, 0.86, 0.92)),
    ),
    (
        (0.73, (0.61, 0.06, 0.88, 0.91)),
        (0.30, (0.63, 0.33, 0.85, 0.92)),
    ),
    ((0.70, (0.60, 0.08, 0.91, 0.92)),),
    (
        (0.72, (0.64, 0.08, 0.94, 0.93)),
        (0.30, (0.71, 0.07, 0.96, 0.69)),
    ),
    (
        (0.73, (0.73, 0.06, 0.97, 0.90)),
        (0.32, (0.51, 0.08, 0.92, 0.92)),
    ),
    (
        (0.54, (0.79, 0.04, 0.99, 0.92)),
        (0.33, (0.81, 0.61, 0.91, 0.88)),
        (0.31, (0.82, 0.30, 0.99, 0.93)),
    ),
    ((0.69, (0.79, 0.07, 0.99, 0.88)),),
    ((0.61, (0.79, 0.13, 1.00, 0.87)),),
    (
        (0.52, (0.83, 0.27, 1.00, 0.84)),
        (0.43, (0.78, 0.11, 1.00, 0.88)),
    ),
)


class TrackerBench:
    """A tracker with frames from the test; scores from 0.5 are strong."""

    def __init__(self, tracker: Tracker | None = None, *, fps: float = 10.0) -> None:
        self.tracker = tracker or Tracker(TrackSettings())
        self.fps = fps
        self.now_s = 0.0
        self.updates: list[TrackUpdate] = []

    def update(
        self,
        seen: tuple[DetectedBox, ...],
        *,
        frames: int = 1,
        listed: tuple[bool, ...] | None = None,
    ) -> TrackUpdate:
        for _ in range(frames):
            update = self.tracker.update(
                seen,
                [one.score >= 0.5 for one in seen],
                int(self.now_s * NS_PER_S),
                listed=listed,
            )
            self.updates.append(update)
            self.now_s += 1 / self.fps
        return update

    def move(self, box: Box, *, speed: float, seconds: float) -> TrackUpdate:
        """One object that moves sideways."""
        for index in range(int(seconds * self.fps)):
            update = self.update(found(shifted(box, speed * index / self.fps)))
        return update

    @property
    def ids(self) -> list[int]:
        tracks = itertools.chain(*(update.tracks for update in self.updates))
        return list(dict.fromkeys(track.id for track in tracks))


def only(update: TrackUpdate) -> Track:
    (track,) = update.tracks
    return track


@pytest.mark.parametrize(
    ("settings", "fps", "believed"),
    [
        (TrackSettings(min_s=0.0), 10.0, [0, 0, 1, 1]),
        (TrackSettings(), 10.0, [0, 0, 0, 1]),
        (TrackSettings(), 4.0, [0, 0, 1, 1]),
        (TrackSettings(min_hits=1, min_s=0.0), 10.0, [1, 1, 1, 1]),
    ],
    ids=["hits alone", "a fast camera: the time", "a slow camera: the hits", "at once"],
)
def test_an_object_is_believed_after_some_hits_and_some_time_and_began_with_the_first(
    settings: TrackSettings, fps: float, believed: list[int]
) -> None:
    shown = TrackerBench(Tracker(settings), fps=fps)
    assert [len(shown.update(found(HERE)).tracks) for _ in range(4)] == believed
    assert only(shown.updates[-1]).started_ns == 0
    assert only(shown.updates[-1]).seen_ns == int(3 / fps * NS_PER_S)


def test_an_object_ends_once_when_it_is_unseen_for_the_set_time() -> None:
    shown = TrackerBench(Tracker(TrackSettings(lost_s=1.5)))
    shown.update(found(HERE), frames=5)
    shown.update((), frames=40)
    ends = [index for index, update in enumerate(shown.updates) if update.ended]
    assert ends == [4 + 15]
    (end,) = shown.updates[19].ended
    assert (end.id, end.seen_ns, end.seen) == (shown.ids[0], 4 * NS_PER_S // 10, False)


def test_an_object_is_not_ended_by_a_gap_in_inference() -> None:
    shown = TrackerBench()
    shown.update(found(HERE), frames=5)
    shown.now_s += 60.0
    assert only(shown.update(found(HERE))).id == shown.ids[0]
    shown.now_s += 60.0
    assert len(shown.update(()).ended) == 1


def test_single_false_alarms_become_no_objects() -> None:
    shown = TrackerBench()
    for index in range(100):
        shown.update(found(HERE) if index % 4 == 0 else ())
    assert shown.ids == []


def test_an_object_in_the_flesh_survives_a_detector_that_misses_every_third_frame() -> None:
    shown = TrackerBench()
    for index in range(60):
        shown.update(() if index % 3 == 2 else found(HERE))
    assert len(shown.ids) == 1


def test_a_weak_box_continues_a_known_object_and_begins_none() -> None:
    shown = TrackerBench()
    shown.update(found(HERE, score=0.4), frames=20)
    assert shown.updates[-1] == TrackUpdate()
    shown.update(found(HERE), frames=4)
    shown.update(found(HERE, score=0.4), frames=50)
    track = only(shown.updates[-1])
    assert track.seen
    assert (track.score, track.top_score) == pytest.approx((0.4, 0.9))


@pytest.mark.parametrize("min_match_iou", [0.2, 0.7])
def test_a_weak_piece_of_an_object_does_not_continue_it(min_match_iou: float) -> None:
    shown = TrackerBench(Tracker(TrackSettings(min_match_iou=min_match_iou)))
    shown.update(found(HERE), frames=5)
    whole, third = HERE, (0.2, 0.2, 0.3, 0.3)
    assert not only(shown.update(found(third, score=0.4))).seen
    assert only(shown.update(found(whole, score=0.4))).seen


@pytest.mark.parametrize("fps", [2.0, 3.0, 5.0, 10.0, 30.0, 60.0])
@pytest.mark.parametrize("speed", [0.02, 0.1, 0.2])
def test_a_walker_is_one_object_at_any_frame_rate(fps: float, speed: float) -> None:
    shown = TrackerBench(fps=fps)
    track = shown.move((0.0, 0.3, 0.09, 0.7), speed=speed, seconds=0.9 / 0.2)
    assert len(shown.ids) == 1
    assert track.tracks[0].seen


@pytest.mark.parametrize("fps", [5.0, 10.0, 25.0])
def test_a_walker_comes_out_from_behind_a_tree_as_the_same(fps: float) -> None:
    shown, speed = TrackerBench(fps=fps), 0.1
    for index in range(int(8 * fps)):
        at_s = index / fps
        hidden = 3.0 <= at_s <= 4.5
        seen = found(shifted((0.0, 0.3, 0.09, 0.7), speed * at_s))
        shown.update(() if hidden else seen)
    assert len(shown.ids) == 1


def test_something_small_in_the_place_of_something_large_is_another_object() -> None:
    shown = TrackerBench()
    shown.update(found((0.2, 0.2, 0.5, 0.8)), frames=5)
    shown.update(found((0.33, 0.44, 0.37, 0.56)), frames=5)
    assert len(shown.ids) == 2


def test_something_quick_that_stops_all_at_once_is_still_the_same() -> None:
    """The predicted box is far beyond the actual one."""
    tracker = Tracker(TrackSettings())
    box = (0.5, 0.7, 0.6, 0.85)
    ids = set()
    for frame in range(20):
        moved = -0.1 * min(frame, 5)
        here = (box[0], box[1] + moved, box[2], box[3] + moved)
        boxes = found(here)
        update = tracker.update(boxes, [True], frame * NS_PER_S // 15)
        ids |= {track.id for track in (*update.tracks, *update.unconfirmed_tracks)}
    assert len(ids) == 1


@pytest.mark.parametrize("fps", [5.0, 10.0, 30.0])
@pytest.mark.parametrize("way", [1.0, -1.0])
def test_who_enters_where_another_has_just_left_is_another(fps: float, way: float) -> None:
    shown = TrackerBench(fps=fps)

    def at(position: float) -> tuple[DetectedBox, ...]:
        left = position if way > 0 else 1.0 - position - 0.1
        cut = max(left, 0.0), 0.3, min(left + 0.1, 1.0), 0.7
        return found(cut) if cut[2] - cut[0] > 0.03 else ()

    speed = 0.2
    for index in range(int(2.5 * fps)):
        shown.update(at(0.6 + speed * index / fps))
    leaver = shown.ids
    shown.update((), frames=int(0.8 * fps))
    for index in range(int(2.0 * fps)):
        shown.update(at(1.0 - speed * index / fps))
    assert len(leaver) == 1
    assert len(shown.ids) == 2


def test_who_stands_cut_off_at_the_edge_and_is_missed_is_the_same() -> None:
    shown = TrackerBench()
    at_edge = (0.93, 0.2, 1.0, 0.7)
    for _ in range(5):
        shown.update(found(at_edge), frames=10)
        shown.update((), frames=15)
    assert len(shown.ids) == 1


def test_who_comes_to_where_another_was_last_seen_does_not_take_its_id() -> None:
    """The first one walks on behind a wall; its place is where it is expected, not where it was seen."""
    shown = TrackerBench()
    shown.move((0.0, 0.3, 0.1, 0.7), speed=0.25, seconds=2.0)
    last = shifted((0.0, 0.3, 0.1, 0.7), 0.25 * 1.9)
    shown.update((), frames=12)
    shown.update(found(last), frames=10)
    assert len(shown.ids) == 2


def test_who_was_just_seen_comes_before_who_was_missed() -> None:
    shown = TrackerBench()
    shown.update(found(HERE, shifted(HERE, 0.13)), frames=10)
    hidden, seen = (track.id for track in shown.updates[-1].tracks)
    shown.update(found(shifted(HERE, 0.13)), frames=2)
    between = shifted(HERE, 0.0645)  # overlaps the hidden one a little better
    now = {track.id: track.seen for track in shown.update(found(between)).tracks}
    assert now == {hidden: False, seen: True}


def test_two_who_cross_keep_their_ids() -> None:
    shown = TrackerBench()
    left, right = (0.1, 0.3, 0.2, 0.7), (0.8, 0.35, 0.9, 0.75)
    for index in range(60):
        step = 0.012 * index
        # The left one walks in front: for a while the other is not seen.
        boxes = [shifted(left, step), shifted(right, -step)]
        hidden = abs(boxes[0][0] - boxes[1][0]) < 0.05
        shown.update(found(*boxes[:1] if hidden else boxes))
    first = {track.id: track.path[0][0] for track in shown.updates[3].tracks}
    last = {track.id: track.box[0] for track in shown.updates[-1].tracks}
    assert len(shown.ids) == 2
    assert all((first[key] < 0.5) == (last[key] > 0.5) for key in first)


def test_another_label_for_a_few_frames_is_the_same_object_and_the_label_stays() -> None:
    shown = TrackerBench()
    shown.update(found(HERE, class_id=2), frames=10)
    shown.update(found(HERE, class_id=7), frames=4)
    assert (len(shown.ids), only(shown.updates[-1]).class_id) == (1, 2)
    shown.update(found(HERE, class_id=7), frames=30)
    assert (len(shown.ids), only(shown.updates[-1]).class_id) == (1, 7)


def test_the_same_thing_under_two_labels_is_one_object() -> None:
    twice = DetectedBox(HERE, 0.9, 2), DetectedBox(shifted(HERE, 0.002), 0.6, 7)
    shown = TrackerBench()
    shown.update(twice, frames=20)
    assert len(shown.ids) == 1


def test_a_second_box_on_a_part_of_an_object_begins_no_other() -> None:
    shown = TrackerBench()
    shown.update(found(HERE), frames=5)
    shown.update(found(HERE, (0.25, 0.2, 0.3, 0.6)), frames=20)
    assert len(shown.ids) == 1


@pytest.mark.parametrize("boxes", [(WHOLE, PART), (PART, WHOLE)], ids=["whole", "part"])
def test_a_box_wholly_inside_another_of_its_class_begins_no_second_object(
    boxes: tuple[Box, Box],
) -> None:
    shown = TrackerBench()
    shown.update(found(*boxes), frames=20)
    assert len(shown.ids) == 1


def test_someone_small_before_someone_large_is_an_object() -> None:
    shown = TrackerBench()
    child = (0.25, 0.55, 0.3, 0.8)
    assert len(shown.update(found(WHOLE, child), frames=10).tracks) == 2


def test_someone_hidden_in_the_box_of_another_is_an_object_after_leaving_it() -> None:
    shown = TrackerBench()
    for step in range(60):
        shown.update(found(WHOLE, shifted(PART, max(0, step - 20) * 0.01)))
    assert len(shown.updates[20].tracks) == 1
    assert len(shown.updates[-1].tracks) == 2


def test_a_box_inside_another_of_another_class_is_an_object() -> None:
    both = DetectedBox(WHOLE, 0.9, 0), DetectedBox(PART, 0.8, 1)
    shown = TrackerBench()
    assert len(shown.update(both, frames=10).tracks) == 2


def test_a_label_that_is_not_listed_continues_an_object_and_begins_none() -> None:
    shown = TrackerBench()
    for _ in range(10):
        shown.update(found(HERE, class_id=7), listed=(False,))
    assert shown.ids == []
    shown.update(found(HERE, class_id=2), frames=5, listed=(True,))
    shown.update(found(HERE, class_id=7), frames=100, listed=(False,))
    track = only(shown.update(found(HERE, class_id=2), listed=(True,)))
    assert (len(shown.ids), track.class_id) == (1, 2)


def test_an_unlisted_label_beside_an_object_does_not_move_it() -> None:
    shown = TrackerBench()
    shown.update(found(HERE, class_id=2), frames=5, listed=(True,))
    update = shown.update(found(shifted(HERE, 0.05), class_id=7), listed=(False,))
    assert not only(update).seen


def test_a_chair_does_not_continue_the_person_who_sat_on_it() -> None:
    shown = TrackerBench()
    shown.update(found(HERE), frames=50, listed=(True,))
    shown.update(found(HERE, class_id=56), frames=121, listed=(False,))
    assert shown.updates[-1].tracks == ()


def test_a_parked_car_that_is_detected_in_spells_begins_twice_and_not_each_time() -> None:
    shown = TrackerBench()
    for _ in range(118):
        shown.update(found(HERE, class_id=2), frames=50)
        shown.update((), frames=100)
    assert len(shown.ids) == 2
    shown.update((), frames=600)
    assert shown.updates[-1].tracks == ()


def test_a_car_that_passes_does_not_take_the_place_of_one_that_waits_to_be_detected_again() -> None:
    shown = TrackerBench()
    for _ in range(2):
        shown.update(found(HERE), frames=50)
        shown.update((), frames=100)
    parked = shown.ids[-1]
    shown.move((0.0, 0.25, 0.1, 0.65), speed=0.3, seconds=3)
    track = next(track for track in shown.update(found(HERE), frames=5).tracks if track.seen)
    assert track.id == parked
    assert len(shown.ids) == 3


@pytest.mark.parametrize("gap_s", [5, 20, 55])
def test_visitors_who_follow_each_other_at_one_door_are_separate(gap_s: int) -> None:
    shown = TrackerBench(Tracker(TrackSettings(), may_rest=lambda class_id: class_id != 0))
    for visitor in range(1, 7):
        shown.update(found(HERE), frames=150)
        assert len(shown.ids) == visitor
        assert shown.update((), frames=21).tracks == ()
        shown.update((), frames=10 * gap_s - 21)


def test_a_parked_car_that_is_also_taken_for_a_truck_is_one() -> None:
    shown = TrackerBench()
    for spell in range(40):
        shown.update(found(HERE, class_id=2 if spell % 3 else 7), frames=30)
        shown.update((), frames=100)
    assert len(shown.ids) == 2


@pytest.mark.parametrize("speed", [0.05, 0.1, 0.2, 0.4])
def test_traffic_that_passes_a_parked_car_keeps_its_ids(speed: float) -> None:
    shown = TrackerBench()
    for _ in range(2):
        shown.update(found(HERE), frames=50)
        shown.update((), frames=50)
    for passing in range(1, 4):
        shown.move((0.0, 0.21, 0.1, 0.61), speed=speed, seconds=0.6 / speed)
        assert len(shown.ids) == 2 + passing
        shown.update((), frames=30)


def test_one_who_comes_walking_is_not_waited_for() -> None:
    shown = TrackerBench()
    for _ in range(3):
        shown.move((0.0, 0.2, 0.1, 0.6), speed=0.2, seconds=2)
        shown.update(found((0.4, 0.2, 0.5, 0.6)), frames=20)
        assert shown.update((), frames=25).tracks == ()


def test_the_turning_person_of_the_real_clip_is_one() -> None:
    shown = TrackerBench()
    for seen in TURNING:
        shown.update(as_detections([(box, score, 0) for score, box in seen]))
    assert len(shown.ids) == 1


def test_two_who_stand_close_together_are_two() -> None:
    shown = TrackerBench()
    shown.update(found(HERE), frames=5)
    shown.update(found(HERE, shifted(HERE, 0.05)), frames=5)
    assert len(shown.ids) == 2


def test_a_person_on_a_bicycle_is_two_objects() -> None:
    rider, bicycle = (0.2, 0.2, 0.3, 0.6), (0.18, 0.4, 0.32, 0.65)
    both = DetectedBox(rider, 0.9, 0), DetectedBox(bicycle, 0.8, 1)
    shown = TrackerBench()
    assert [track.class_id for track in shown.update(both, frames=10).tracks] == [0, 1]


def test_what_does_not_move_is_stationary_in_spite_of_a_shaking_box() -> None:
    rng = np.random.default_rng(3)
    shown = TrackerBench(Tracker(TrackSettings(stationary_s=5.0)))
    size = np.array((0.1, 0.4, 0.1, 0.4), np.float32)
    flags = []
    for _ in range(600):
        shaken = np.array([HERE], np.float32) + rng.normal(0, 0.03, 4).astype(np.float32) * size
        seen = to_boxes(Detections(shaken, np.array([0.9], np.float32), np.zeros(1, np.int32)))
        flags += [track.stationary for track in shown.update(seen).tracks]
    assert not any(flags[:40])
    assert all(flags[60:])


def test_it_is_stationary_no_more_when_it_leaves_but_one_wild_box_changes_nothing() -> None:
    shown = TrackerBench(Tracker(TrackSettings(stationary_s=2.0)))
    assert only(shown.update(found(HERE), frames=30)).stationary
    assert only(shown.update(found(shifted(HERE, 0.05)))).stationary
    assert only(shown.update(found(HERE), frames=5)).stationary
    assert not only(shown.move(HERE, speed=0.1, seconds=1.5)).stationary


def test_the_speed_at_which_one_stands_still_for_long_is_slow() -> None:
    shown = TrackerBench(Tracker(TrackSettings(stationary_s=5.0)))
    shown.move((0.0, 0.2, 0.1, 0.6), speed=0.03, seconds=25)
    assert not any(track.stationary for update in shown.updates for track in update.tracks)


def test_a_path_is_bounded_and_keeps_its_ends() -> None:
    shown = TrackerBench()
    track = only(shown.move((0.0, 0.3, 0.1, 0.7), speed=0.03, seconds=29))
    assert 8 <= len(track.path) <= 18
    assert track.path[0] == pytest.approx((0.05, 0.7))
    assert track.path[-1] == pytest.approx(((track.box[0] + track.box[2]) / 2, track.box[3]))
    xs = [x for x, _ in track.path]
    assert xs == sorted(xs)


def test_boxes_without_width_or_height_are_no_error() -> None:
    flat, thin, point = (0.2, 0.5, 0.8, 0.5), (0.5, 0.2, 0.5, 0.8), (0.5, 0.5, 0.5, 0.5)
    for one in (flat, thin, point):
        shown = TrackerBench()
        shown.update(found(one), frames=5)
        for other in (flat, thin, point):
            shown.update(found(other), frames=2)
            shown.update(found(flat, thin, point), frames=2)


def test_a_flood_of_boxes_is_bounded_and_does_not_cost_a_known_object() -> None:
    rng = np.random.default_rng(1)
    shown = TrackerBench()
    shown.update(found(HERE), frames=5)
    for _ in range(10):
        corners = rng.uniform(0.4, 0.9, (400, 2))
        boxes = np.concatenate((corners, corners + 0.02), axis=1)
        flood = found(HERE, *(tuple(box) for box in boxes.tolist()))
        update = shown.update(flood)
        assert len(update.tracks) + len(update.unconfirmed_tracks) <= MAX_TRACKS
    assert update.tracks[0].id == shown.ids[0]


def test_several_cameras_may_share_their_ids() -> None:
    ids = itertools.count(1)
    films = [TrackerBench(Tracker(TrackSettings(), ids=ids)) for _ in range(3)]
    for shown in films:
        shown.update(found(HERE), frames=5)
    assert len({shown.ids[0] for shown in films}) == 3


def test_after_clear_nothing_is_known_and_old_ids_stay_used() -> None:
    shown = TrackerBench()
    shown.update(found(HERE), frames=5)
    before = shown.ids
    shown.tracker.clear()
    assert shown.update(()) == TrackUpdate()
    shown.update(found(HERE), frames=5)
    assert len(shown.ids) == 2
    assert before == shown.ids[:1]


@pytest.mark.parametrize(
    ("street", "least"),
    [
        (StreetScenario(people=3), 0.85),
        (StreetScenario(people=3, fps=4.0), 0.85),
        (StreetScenario(people=3, fps=25.0, duration_s=30), 0.85),
        (StreetScenario(people=2, cars=1, fps=2.0, duration_s=120), 0.80),
        (StreetScenario(people=8, miss_rate=0.1, false_positives_per_frame=0.2), 0.70),
    ],
)
def test_on_simulated_streets_most_of_a_life_is_one_track(
    street: StreetScenario, least: float
) -> None:
    assert np.mean([identity_consistency(street, seed) for seed in (1, 2, 3)]) >= least


def identity_consistency(scenario: StreetScenario, seed: int) -> float:
    """Return the share of frames in which an object has its most frequent id."""
    tracker = Tracker(TrackSettings())
    carried: dict[int, Counter[int]] = defaultdict(Counter)
    for shot in simulate_street(scenario, seed):
        seen = shot.detections[shot.detections.scores >= 0.3]
        update = tracker.update(to_boxes(seen), (seen.scores >= 0.5).tolist(), shot.captured_ns)
        here = [track for track in (*update.tracks, *update.unconfirmed_tracks) if track.seen]
        boxes = np.array([track.box for track in here], np.float32).reshape(-1, 4)
        overlap = iou_matrix(shot.true_boxes, boxes)
        for row, key in enumerate(shot.object_ids.tolist()):
            if here and overlap[row].max() >= 0.5:
                carried[key][here[int(overlap[row].argmax())].id] += 1
    most = sum(max(ids.values()) for ids in carried.values())
    return most / sum(ids.total() for ids in carried.values())


side = st.sampled_from((0.0, 0.25, 0.5, 1.0)) | st.floats(
    0.0, 1.0, width=32
)  # boxes without width or height, too
a_box = st.tuples(side, side, side, side).map(
    lambda s: (min(s[0], s[2]), min(s[1], s[3]), max(s[0], s[2]), max(s[1], s[3]))
)
a_detection = st.tuples(a_box, st.floats(0.25, 1.0, width=32), st.integers(0, 2))
a_frame = st.tuples(st.lists(a_detection, max_size=6), st.floats(0.0, 5.0))


@settings(max_examples=150, deadline=None)
@given(st.lists(a_frame, max_size=25))
def test_whatever_is_seen_ids_are_never_reused_and_every_end_was_a_track(
    frames: list[tuple[list[tuple[Box, float, int]], float]],
) -> None:
    shown = TrackerBench()
    believed: set[int] = set()
    ended: set[int] = set()
    for seen, gap_s in frames:
        update = shown.update(as_detections(seen))
        shown.now_s += gap_s
        now = {track.id for track in update.tracks}
        just_ended = {track.id for track in update.ended}
        assert not now & ended, "an id came back"
        assert not just_ended & now
        assert just_ended <= believed
        assert believed - now - ended == just_ended, "an object vanished without an end"
        believed |= now
        ended |= just_ended
        for track in (*update.tracks, *update.ended, *update.unconfirmed_tracks):
            assert 0 <= track.started_ns <= track.seen_ns
            assert all(0.0 <= edge <= 1.0 for edge in track.box)
            assert track.score <= track.top_score


def as_detections(seen: Iterable[tuple[Box, float, int]]) -> tuple[DetectedBox, ...]:
    return tuple(DetectedBox(*one) for one in sorted(seen, key=lambda one: -one[1]))
