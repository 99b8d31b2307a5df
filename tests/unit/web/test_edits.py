"""The page's own table: only what differs from the files that it leaves alone."""

from typing import Any

from edged.web.edits import CameraEdit, ShapeEdit, apply_edit

TRIANGLE = ((0.1, 0.1), (0.5, 0.1), (0.5, 0.9))
OTHER = ((0.2, 0.1), (0.5, 0.1), (0.5, 0.9))
POINTS = [list(point) for point in TRIANGLE]


def edit(**fields: Any) -> CameraEdit:
    return CameraEdit(**{"version": "", "zone": {}, "mask": {}, **fields})


def others(**zones: Any) -> dict[str, Any]:
    return {"camera": {"front": {"source": "synthetic", "zone": zones}}}


def zones_of(table: dict[str, Any]) -> dict[str, Any]:
    zones: dict[str, Any] = table.get("camera", {}).get("front", {}).get("zone", {})
    return zones


def test_a_new_zone_stands_there_whole() -> None:
    wanted = edit(zone={"door": ShapeEdit(points=TRIANGLE, labels=("person",))})
    assert zones_of(apply_edit({}, others(), "front", wanted)) == {
        "door": {"points": POINTS, "labels": ["person"]}
    }


def test_a_zone_of_another_file_that_stays_the_same_does_not_stand_there() -> None:
    wanted = edit(zone={"door": ShapeEdit(points=TRIANGLE)})
    assert apply_edit({}, others(door={"points": POINTS}), "front", wanted) == {}


def test_of_a_zone_of_another_file_only_the_difference_stands_there() -> None:
    base = others(door={"points": POINTS, "labels": ["person"], "min_frames": 5})
    moved = edit(zone={"door": ShapeEdit(points=OTHER, labels=("person",))})
    assert zones_of(apply_edit({}, base, "front", moved)) == {
        "door": {"points": [list(point) for point in OTHER]}
    }


def test_a_zone_of_another_file_is_switched_off_and_on_again() -> None:
    base = others(door={"points": POINTS})
    off = apply_edit({}, base, "front", edit())
    assert zones_of(off) == {"door": {"enabled": False}}
    on = edit(zone={"door": ShapeEdit(points=TRIANGLE)})
    assert apply_edit(off, base, "front", on) == {}


def test_a_zone_of_the_page_is_removed() -> None:
    own = apply_edit({}, others(), "front", edit(zone={"door": ShapeEdit(points=TRIANGLE)}))
    assert apply_edit(own, others(), "front", edit()) == {}


def test_a_zone_that_is_off_in_another_file_is_switched_on() -> None:
    base = others(door={"points": POINTS, "enabled": False})
    wanted = edit(zone={"door": ShapeEdit(points=TRIANGLE)})
    assert zones_of(apply_edit({}, base, "front", wanted)) == {"door": {"enabled": True}}
    assert apply_edit({}, base, "front", edit()) == {}


def test_what_the_page_does_not_know_of_its_own_file_is_kept() -> None:
    own = {"log": {"level": "debug"}, "camera": {"back": {"weight": 1.0}, "front": {"weight": 2.0}}}
    table = apply_edit(own, others(), "front", edit(threshold=0.4, gate="off"))
    assert table == {
        "log": {"level": "debug"},
        "camera": {
            "back": {"weight": 1.0},
            "front": {"weight": 2.0, "detect": {"threshold": 0.4}, "inference": {"gate": "off"}},
        },
    }
