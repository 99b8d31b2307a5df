"""What commands have switched, on top of a configuration."""

from edged.config.overrides import CameraOverrides, apply_overrides
from edged.config.settings import (
    CameraSettings,
    DetectSettings,
    LabelFilter,
    MaskSettings,
    Settings,
    ZoneSettings,
)

TRIANGLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
CAMERA = CameraSettings(
    source="synthetic",
    detect=DetectSettings(threshold=0.4, label={"dog": LabelFilter(threshold=0.6, min_area=0.1)}),
    zone={
        "door": ZoneSettings(points=TRIANGLE),
        "off": ZoneSettings(points=TRIANGLE, enabled=False),
    },
    mask={"corner": MaskSettings(points=TRIANGLE)},
)
SETTINGS = Settings(camera={"a": CAMERA, "b": CAMERA})


def test_nothing_switched_is_the_configuration_itself() -> None:
    assert apply_overrides(SETTINGS, {}) is SETTINGS
    assert apply_overrides(SETTINGS, {"a": CameraOverrides()}) == SETTINGS


def test_each_switch_changes_its_own_setting() -> None:
    switched = CameraOverrides(
        detect=False,
        threshold=0.9,
        thresholds={"dog": 0.8, "cat": 0.7},
        zones={"door": False, "off": True},
        masks={"corner": False},
    )
    changed = apply_overrides(SETTINGS, {"a": switched})
    camera = changed.camera["a"]
    assert (camera.detect.enabled, camera.detect.threshold) == (False, 0.9)
    assert camera.detect.label == {
        "dog": LabelFilter(threshold=0.8, min_area=0.1),
        "cat": LabelFilter(threshold=0.7),
    }
    assert [zone.enabled for zone in camera.zone.values()] == [False, True]
    assert not camera.mask["corner"].enabled
    assert changed.camera["b"] == CAMERA


def test_what_the_configuration_does_not_have_is_left_out() -> None:
    switched = CameraOverrides(zones={"gone": False}, masks={"gone": True})
    assert apply_overrides(SETTINGS, {"gone": CameraOverrides(detect=False)}) == SETTINGS
    assert apply_overrides(SETTINGS, {"a": switched}) == SETTINGS
