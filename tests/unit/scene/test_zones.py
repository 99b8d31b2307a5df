import pytest

from edged.config.settings import ZoneSettings
from edged.scene.tracking import Track
from edged.scene.zones import ZoneMembership, Zones
from edged.types import Box, ClassNames

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
LOWER = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
IN_LEFT, IN_BOTH, NOWHERE = (0.2, 0.3), (0.2, 0.8), (0.8, 0.3)


NAMES = ClassNames(("person", "car"))
PERSON, CAR = 0, 1


def make_track(track_id: int, box: Box, *, class_id: int = PERSON, seen: bool = True) -> Track:
    return Track(
        id=track_id,
        class_id=class_id,
        score=0.9,
        top_score=0.9,
        box=box,
        started_ns=0,
        seen_ns=0,
        seen=seen,
        stationary=False,
        waypoints=((0.5, 0.5),),
    )


class ZonesBench:
    """One object, placed in each frame by the test."""

    def __init__(self, *, class_id: int = PERSON, **zones: ZoneSettings) -> None:
        self.zones = Zones(zones, NAMES)
        self.class_id = class_id

    def move_to(
        self, feet: tuple[float, float], *, frames: int = 1, seen: bool = True
    ) -> ZoneMembership:
        x, y = feet
        box = (x - 0.1, y - 0.2, x + 0.1, y)
        track = make_track(1, box, class_id=self.class_id, seen=seen)
        for _ in range(frames):
            (membership,) = self.zones.update([track])
        return membership


def test_it_is_the_feet_that_count() -> None:
    walk = ZonesBench(lower=ZoneSettings(points=LOWER, min_frames=1))
    assert walk.move_to((0.5, 0.49)).zones == ()
    assert walk.move_to((0.5, 0.5)).zones == ("lower",)


def test_a_zone_is_believed_after_some_frames_and_so_is_leaving_it() -> None:
    walk = ZonesBench(left=ZoneSettings(points=LEFT, min_frames=3))
    assert [walk.move_to(IN_LEFT).zones for _ in range(3)] == [(), (), ("left",)]
    assert [walk.move_to(NOWHERE).zones for _ in range(3)] == [("left",), ("left",), ()]


def test_a_step_to_the_side_begins_the_count_anew() -> None:
    walk = ZonesBench(left=ZoneSettings(points=LEFT, min_frames=2))
    for _ in range(5):
        assert walk.move_to(IN_LEFT).zones == ()
        assert walk.move_to(NOWHERE).zones == ()


def test_frames_in_which_it_is_not_seen_change_nothing() -> None:
    walk = ZonesBench(left=ZoneSettings(points=LEFT, min_frames=2))
    walk.move_to(IN_LEFT)
    assert walk.move_to(IN_LEFT, seen=False, frames=9).zones == ()
    assert walk.move_to(IN_LEFT).zones == ("left",)
    assert walk.move_to(NOWHERE, seen=False, frames=9).zones == ("left",)


def test_zones_overlap_and_those_entered_stay_named_in_the_order_of_the_config() -> None:
    walk = ZonesBench(
        left=ZoneSettings(points=LEFT, min_frames=1), lower=ZoneSettings(points=LOWER, min_frames=1)
    )
    assert walk.move_to((0.8, 0.8)) == ZoneMembership(("lower",), ("lower",))
    assert walk.move_to(IN_BOTH) == ZoneMembership(("left", "lower"), ("left", "lower"))
    assert walk.move_to(NOWHERE) == ZoneMembership((), ("left", "lower"))


@pytest.mark.parametrize(("class_id", "zones"), [(CAR, ("left",)), (PERSON, ())])
def test_a_zone_may_be_for_some_labels_only(class_id: int, zones: tuple[str, ...]) -> None:
    walk = ZonesBench(class_id=class_id, left=ZoneSettings(points=LEFT, labels=("car", "bus")))
    assert walk.move_to(IN_LEFT, frames=5).zones == zones


def test_objects_are_distinguished_and_those_that_have_left_are_forgotten() -> None:
    zones = Zones({"left": ZoneSettings(points=LEFT, min_frames=2)}, NAMES)
    seven, eight = make_track(7, (0.1, 0.1, 0.3, 0.3)), make_track(8, (0.7, 0.1, 0.9, 0.3))
    for _ in range(2):
        both = zones.update([seven, eight])
    assert [membership.zones for membership in both] == [("left",), ()]
    zones.update([eight])
    assert zones.update([seven]) == [ZoneMembership()]


def test_a_camera_without_zones_and_a_frame_without_objects() -> None:
    assert ZonesBench().move_to(IN_LEFT) == ZoneMembership()
    assert Zones({"left": ZoneSettings(points=LEFT)}, NAMES).update([]) == []
