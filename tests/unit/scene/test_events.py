from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edged.clock import NS_PER_S
from edged.config.settings import EventSettings
from edged.scene.events import EventRules, EventType, FrameRef, TrackEvent
from edged.scene.tracking import Track, TrackUpdate
from edged.scene.zones import ZoneMembership
from edged.types import ClassNames

CLASS_NAMES = ClassNames(("person", "car"))
START, UPDATE, END = EventType.START, EventType.UPDATE, EventType.END
TRACK = Track(
    id=17,
    class_id=0,
    score=0.8,
    top_score=0.8,
    box=(0.4, 0.2, 0.5, 0.6),
    started_ns=0,
    seen_ns=0,
    seen=True,
    stationary=False,
    waypoints=((0.45, 0.6),),
)


class EventsBench:
    """The rules with one frame every tenth of a second."""

    def __init__(self, **options: float) -> None:
        self.rules = EventRules(EventSettings(**options), CLASS_NAMES)  # type: ignore[arg-type] # only numbers are given
        self.now_ns = 0
        self.seq = 0
        self.events: list[TrackEvent] = []

    def observe(
        self, *tracks: Track, ended: Iterable[Track] = (), zones: ZoneMembership | None = None
    ) -> tuple[TrackEvent, ...]:
        seen = tuple(
            replace(track, seen_ns=self.now_ns) if track.seen else track for track in tracks
        )
        events = self.rules.observe(
            TrackUpdate(tracks=seen, ended=tuple(ended)),
            {track.id: zones or ZoneMembership() for track in tracks},
            FrameRef(seq=self.seq, captured_ns=self.now_ns, width=640, height=480),
        )
        self.events += events
        self.now_ns += NS_PER_S // 10
        self.seq += 1
        return events

    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * NS_PER_S)

    @property
    def event_types(self) -> list[EventType]:
        return [event.type for event in self.events]


def test_a_start_has_all_that_is_known() -> None:
    story = EventsBench()
    story.observe()
    (start,) = story.observe(TRACK, zones=ZoneMembership(("door",), ("door", "yard")))
    assert start == TrackEvent(
        type=START,
        id=17,
        label="person",
        score=0.8,
        top_score=0.8,
        box=(0.4, 0.2, 0.5, 0.6),
        zones=("door",),
        entered_zones=("door", "yard"),
        stationary=False,
        path=((0.45, 0.6),),
        at_ns=NS_PER_S // 10,
        started_ns=0,
        seen_ns=NS_PER_S // 10,
        ended_ns=None,
        frame_seq=1,
        width=640,
        height=480,
    )


def test_an_end_has_where_and_when_it_was_last_seen() -> None:
    story = EventsBench()
    story.observe(TRACK)
    story.observe(
        replace(TRACK, box=(0.41, 0.2, 0.51, 0.6)), zones=ZoneMembership(("door",), ("door",))
    )
    story.observe(replace(TRACK, seen=False, seen_ns=NS_PER_S // 10), zones=ZoneMembership((), ()))
    story.wait(3.0)
    (end,) = story.observe(ended=[TRACK])
    assert (end.type, end.id, end.box) == (END, 17, TRACK.box)
    assert (end.ended_ns, end.seen_ns) == (NS_PER_S // 10, NS_PER_S // 10)
    assert (end.at_ns, end.frame_seq) == (33 * NS_PER_S // 10, 3)


def test_nothing_is_reported_of_what_does_not_change() -> None:
    story = EventsBench()
    for _ in range(300):
        story.observe(TRACK)
    assert story.event_types == [START]


@pytest.mark.parametrize(
    "change",
    [
        {"box": (0.42, 0.2, 0.52, 0.6)},
        {"top_score": 0.86},
        {"class_id": 1},
        {"stationary": True},
    ],
)
def test_a_change_is_reported_once_and_not_before_its_time(change: dict[str, object]) -> None:
    story = EventsBench(update_s=1.0)
    story.observe(TRACK)
    changed = replace(TRACK, **change)
    for _ in range(30):
        story.observe(changed)
    assert story.event_types == [START, UPDATE]
    assert story.events[1].at_ns == NS_PER_S


def test_small_changes_are_not_worth_telling() -> None:
    story = EventsBench()
    story.observe(TRACK)
    for _ in range(30):
        story.observe(replace(TRACK, box=(0.405, 0.2, 0.505, 0.6), score=0.5, top_score=0.82))
    assert story.event_types == [START]


def test_small_steps_add_up() -> None:
    story = EventsBench(update_s=0.5)
    for index in range(40):
        step = 0.003 * index
        story.observe(replace(TRACK, box=(0.4 + step, 0.2, 0.5 + step, 0.6)))
    assert (
        story.event_types.count(UPDATE) == 7
    )  # every 0.5 s; in four frames it has moved by a ninth of its side


def test_zones_are_reported_on_entering_and_leaving_even_of_what_is_stationary() -> None:
    story = EventsBench(update_s=0.1, stationary_update_s=60.0)
    still = replace(TRACK, stationary=True)
    story.observe(still)
    story.observe(still, zones=ZoneMembership(("door",), ("door",)))
    story.observe(still, zones=ZoneMembership((), ("door",)))
    assert [event.zones for event in story.events] == [(), ("door",), ()]
    assert [event.entered_zones for event in story.events] == [(), ("door",), ("door",)]


def test_what_is_stationary_is_reported_now_and_then_and_not_for_trifles() -> None:
    story = EventsBench(update_s=0.1, stationary_update_s=5.0)
    still = replace(TRACK, stationary=True)
    story.observe(still)
    for index in range(120):
        story.observe(replace(still, top_score=0.8 + index / 1000, box=(0.43, 0.2, 0.53, 0.6)))
    assert [event.at_ns / NS_PER_S for event in story.events] == [0.0, 5.0, 10.0]


def test_nothing_is_reported_of_what_is_not_seen() -> None:
    story = EventsBench(update_s=0.1, stationary_update_s=1.0)
    story.observe(replace(TRACK, stationary=True))
    for _ in range(50):
        story.observe(replace(TRACK, stationary=True, seen=False))
    assert story.event_types == [START]


def test_end_all_ends_each_object_once() -> None:
    story = EventsBench()
    story.observe(TRACK, replace(TRACK, id=18))
    story.observe(replace(TRACK, id=18))
    ends = story.rules.end_all(9 * NS_PER_S)
    assert [(end.type, end.id) for end in ends] == [(END, 17), (END, 18)]
    assert [end.at_ns for end in ends] == [9 * NS_PER_S] * 2
    assert [end.ended_ns for end in ends] == [0, NS_PER_S // 10]
    assert story.rules.end_all(10 * NS_PER_S) == ()


def test_ends_come_before_starts_so_that_a_count_never_overshoots() -> None:
    story = EventsBench()
    story.observe(TRACK)
    story.observe(replace(TRACK, id=18), ended=[TRACK])
    assert [(event.type, event.id) for event in story.events[1:]] == [(END, 17), (START, 18)]


@given(
    st.lists(
        st.tuples(st.booleans(), st.booleans(), st.floats(0.0, 0.9), st.integers(0, 1)), max_size=60
    )
)
def test_updates_of_one_object_keep_their_distance(
    frames: list[tuple[bool, bool, float, int]],
) -> None:
    story = EventsBench(update_s=0.5, stationary_update_s=2.0)
    for seen, stationary, x, class_id in frames:
        story.observe(
            replace(
                TRACK,
                seen=seen,
                stationary=stationary,
                class_id=class_id,
                box=(x, 0.2, x + 0.1, 0.6),
            ),
            zones=ZoneMembership(("left",) if x < 0.5 else (), ()),
        )
    times = [event.at_ns for event in story.events]
    assert story.event_types == [START, *[UPDATE] * (len(times) - 1)][: len(times)]
    assert all(later - earlier >= NS_PER_S // 2 for earlier, later in pairwise(times))
