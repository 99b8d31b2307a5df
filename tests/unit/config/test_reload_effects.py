"""What a reload does with each setting."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from edged.config.reload_effects import ReloadEffect, effect_of, plan_reload, reload_markdown
from edged.config.settings import (
    CameraSettings,
    DetectSettings,
    DeviceSettings,
    LabelFilter,
    LogSettings,
    ModelSettings,
    Settings,
    SpoolSettings,
    ZoneSettings,
)

DOCS = Path(__file__).parents[3] / "docs" / "configuration.md"
DOOR = ZoneSettings(points=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)))


class _Keys(msgspec.Struct, frozen=True):
    port: int | None = None


FRONT = CameraSettings(source="synthetic", driver=_Keys())
STARTED = Settings(camera={"front": FRONT}, publisher=("mqtt", _Keys()))


def changed_front(**changes: object) -> Settings:
    return replace(STARTED, camera={"front": replace(FRONT, **changes)})


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (replace(STARTED), {}),
        (replace(STARTED, log=LogSettings(level="debug")), {"log.level": ReloadEffect.LIVE}),
        (
            replace(STARTED, model=ModelSettings(threads=2, hang_s=9.0)),
            {"model.threads": ReloadEffect.ALL_WORKERS, "model.hang_s": ReloadEffect.LIVE},
        ),
        (
            replace(STARTED, detect=DetectSettings(label={"person": LabelFilter(threshold=0.4)})),
            {"detect.label.person": ReloadEffect.SCENES},
        ),
        (changed_front(zone={"door": DOOR}), {"camera.front.zone.door": ReloadEffect.SCENES}),
        (changed_front(driver=_Keys(port=1)), {"camera.front.port": ReloadEffect.CAMERA_WORKERS}),
        (replace(STARTED, camera={}), {"camera.front": ReloadEffect.CAMERA_WORKERS}),
        (
            replace(STARTED, device=DeviceSettings(name="other"), spool=SpoolSettings(max_mb=1)),
            {"device.name": ReloadEffect.RESTART, "spool.max_mb": ReloadEffect.RESTART},
        ),
        (replace(STARTED, publisher=("mqtt", _Keys(port=1))), {"mqtt.port": ReloadEffect.RESTART}),
        (replace(STARTED, publisher=("jsonl", _Keys())), {"jsonl": ReloadEffect.RESTART}),
        (replace(STARTED, publisher=None), {"publisher": ReloadEffect.RESTART}),
    ],
)
def test_each_changed_setting_has_its_effect(
    after: Settings, expected: dict[str, ReloadEffect]
) -> None:
    assert plan_reload(STARTED, after).changes == expected


def test_the_most_specific_entry_counts() -> None:
    assert effect_of("camera.a.mask.wall.points") is ReloadEffect.LIVE
    assert effect_of("camera.a.weight") is ReloadEffect.LIVE
    assert effect_of("camera.a.fps") is ReloadEffect.CAMERA_WORKERS
    assert effect_of("updates.trust") is ReloadEffect.LIVE
    assert effect_of("updates.channel") is ReloadEffect.RESTART


def test_a_scene_is_rebuilt_for_its_own_camera_or_for_all() -> None:
    own = plan_reload(STARTED, changed_front(zone={"door": DOOR}))
    assert (own.rebuilds_scene("front"), own.rebuilds_scene("back")) == (True, False)
    general = plan_reload(STARTED, replace(STARTED, detect=DetectSettings(threshold=0.4)))
    assert (general.rebuilds_scene("front"), general.rebuilds_scene("back")) == (True, True)


def test_the_documentation_has_the_table() -> None:
    assert reload_markdown() in DOCS.read_text("utf-8"), (
        f"put this into {DOCS.name}, section 'While the daemon runs':\n{reload_markdown()}"
    )
