"""The hint that a model finds printed marks only: when it is given, and when not."""

import pytest

from edged import bundled
from edged.config.people_hint import MARKS, explain_missing_people
from edged.config.settings import CameraSettings, DetectSettings, Settings
from edged.model.file.metadata import read_metadata

COCO = ("person", "bicycle", "car")
REAL = CameraSettings(source="rtsp")


def hint(
    cameras: dict[str, CameraSettings],
    labels: tuple[str, ...] = tuple(MARKS),
    detect: DetectSettings | None = None,
) -> str | None:
    settings = Settings(camera=cameras, detect=detect or DetectSettings())
    return explain_missing_people(settings, cameras, labels)


@pytest.mark.parametrize("name", ["marks", "marks-fast", "marks-accurate"])
def test_the_marks_are_the_labels_of_the_bundled_models(name: str) -> None:
    assert set(read_metadata(bundled.model_path(name)).labels) == MARKS


def test_a_real_camera_gets_the_hint_in_one_line() -> None:
    assert hint({"front": REAL, "demo": CameraSettings(source="synthetic")}) == (
        "the model of the camera front finds printed marks only; for people: edged model fetch coco-ssd-mobilenet-v1 --use"
    )
    assert "cameras front, yard finds" in str(hint({"front": REAL, "yard": REAL}))


@pytest.mark.parametrize(
    ("cameras", "labels", "detect"),
    [
        ({"front": REAL}, COCO, None),
        ({"front": REAL}, (), None),
        ({"front": REAL}, ("bottle",), None),
        ({"demo": CameraSettings(source="synthetic")}, tuple(MARKS), None),
        ({"front": CameraSettings(source="rtsp", enabled=False)}, tuple(MARKS), None),
        ({"front": REAL}, tuple(MARKS), DetectSettings(labels=("qr_code",))),
        (
            {"front": CameraSettings(source="rtsp", detect=DetectSettings(labels=("qr_code",)))},
            tuple(MARKS),
            None,
        ),
    ],
)
def test_no_hint_where_people_are_found_or_marks_are_wanted(
    cameras: dict[str, CameraSettings], labels: tuple[str, ...], detect: DetectSettings | None
) -> None:
    assert hint(cameras, labels, detect) is None
