"""The state of what commands switch, as `up/camera/<camera>/switches` has it."""

import pytest

from edged.config.overrides import CameraOverrides
from edged.config.settings import CameraSettings, DetectSettings, LabelFilter, Settings
from edged.daemon.switches import Switches, describe_switches

MARKS = DetectSettings(threshold=0.55, label={"barcode": LabelFilter(threshold=0.65)})
NOTHING = DetectSettings()


def settings(general: DetectSettings = NOTHING, own: DetectSettings = NOTHING) -> Settings:
    return Settings(detect=general, camera={"a": CameraSettings(source="synthetic", detect=own)})


@pytest.mark.parametrize(
    ("general", "own", "recommended", "threshold", "thresholds"),
    [
        (NOTHING, NOTHING, NOTHING, 0.5, {}),
        (NOTHING, NOTHING, MARKS, 0.55, {"barcode": 0.65}),
        (DetectSettings(threshold=0.4), NOTHING, MARKS, 0.4, {}),
        (DetectSettings(threshold=0.4), DetectSettings(threshold=0.3), MARKS, 0.3, {}),
        (
            DetectSettings(label={"barcode": LabelFilter(threshold=0.7)}),
            DetectSettings(label={"qr_code": LabelFilter(min_area=0.1)}),
            MARKS,
            0.55,
            {"barcode": 0.7},
        ),
    ],
)
def test_the_threshold_is_that_of_the_filters(
    general: DetectSettings,
    own: DetectSettings,
    recommended: DetectSettings,
    threshold: float,
    thresholds: dict[str, float],
) -> None:
    described = describe_switches(settings(general, own), "a", recommended)
    assert (described.threshold, described.thresholds) == (threshold, thresholds)


def test_a_camera_that_is_gone_is_forgotten() -> None:
    switches = Switches(settings(), {"a": CameraOverrides(detect=False), "b": CameraOverrides()})
    assert switches.settings.camera["a"].detect.enabled is False
    switches.set_file_settings(Settings())
    assert switches.set_file_settings(settings()).camera["a"].detect.enabled is None
