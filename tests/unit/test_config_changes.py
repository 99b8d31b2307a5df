"""What a reload begins anew."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from edged.config.changes import Changes, changes
from edged.config.settings import (
    CameraSettings,
    DetectSettings,
    DeviceSettings,
    EventSettings,
    HealthSettings,
    LogSettings,
    MaskSettings,
    ModelSettings,
    Settings,
    SpoolSettings,
    TrackSettings,
    ZoneSettings,
)

CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))


class _Keys(msgspec.Struct, frozen=True):
    width: int = 640


FRONT = CameraSettings(source="synthetic", driver=_Keys())
OLD = Settings(
    camera={
        "front": FRONT,
        "back": CameraSettings(source="synthetic", driver=_Keys(width=320)),
        "spare": CameraSettings(source="synthetic", enabled=False),
    },
    publisher=("mqtt", _Keys()),
)


def test_the_same_again_changes_nothing() -> None:
    again = replace(OLD, camera={n: replace(c) for n, c in reversed(OLD.camera.items())})

    assert changes(OLD, again) == Changes()
    assert not changes(OLD, again)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (replace(OLD, model=ModelSettings(threads=2)), Changes(model=True)),
        (replace(OLD, publisher=("mqtt", _Keys(width=1))), Changes(publisher=True)),
        (replace(OLD, publisher=("jsonl", _Keys())), Changes(publisher=True)),
        (replace(OLD, spool=SpoolSettings(max_mb=1)), Changes(spool=True)),
        (replace(OLD, health=HealthSettings(interval_s=1)), Changes(health=True)),
        (replace(OLD, log=LogSettings(level="debug")), Changes(log=True)),
        (
            replace(OLD, device=DeviceSettings(name="other", state_dir=Path("/x"))),
            Changes(restart=("device.name", "device.state_dir")),
        ),
        *(
            (replace(OLD, **{table: settings}), Changes(scenes=frozenset({"front", "back"})))
            for table, settings in {
                "detect": DetectSettings(threshold=0.1),
                "track": TrackSettings(min_hits=1),
                "events": EventSettings(update_s=5),
            }.items()
        ),
    ],
)
def test_a_change_outside_the_cameras(new: Settings, expected: Changes) -> None:
    assert changes(OLD, new) == expected
    assert changes(new, OLD) == expected


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        (replace(FRONT, source="replay"), Changes(cameras=frozenset({"front"}))),
        (replace(FRONT, driver=_Keys(width=1)), Changes(cameras=frozenset({"front"}))),
        (replace(FRONT, isolation="process"), Changes(cameras=frozenset({"front"}))),
        (
            replace(FRONT, mask={"m": MaskSettings(points=CORNERS)}),
            Changes(cameras=frozenset({"front"})),
        ),
        (replace(FRONT, enabled=False), Changes(cameras=frozenset({"front"}))),
        (
            replace(FRONT, zone={"z": ZoneSettings(points=CORNERS)}),
            Changes(scenes=frozenset({"front"})),
        ),
        (
            replace(FRONT, detect=DetectSettings(threshold=0.1)),
            Changes(scenes=frozenset({"front"})),
        ),
    ],
)
def test_a_change_of_one_camera_leaves_the_other_alone(
    front: CameraSettings, expected: Changes
) -> None:
    new = replace(OLD, camera={**OLD.camera, "front": front})

    assert changes(OLD, new) == expected
    assert changes(new, OLD) == expected


def test_cameras_come_and_go() -> None:
    new = replace(OLD, camera={"front": FRONT, "side": FRONT})

    assert changes(OLD, new) == Changes(cameras=frozenset({"back", "side"}))


def test_a_camera_that_is_switched_off_may_change_without_effect() -> None:
    spare = CameraSettings(source="replay", enabled=False)

    assert not changes(OLD, replace(OLD, camera={**OLD.camera, "spare": spare}))
