"""Which worker has which cameras, and what its plan says."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.config.settings import (
    CameraSettings,
    DetectSettings,
    LogSettings,
    MaskSettings,
    ModelSettings,
    Settings,
    TrackSettings,
)
from edged.vision.active_model import ActiveModel
from edged.vision.plan import deal_cameras, is_same_model, make_vision_jobs

MASK = MaskSettings(points=((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)))


@pytest.mark.parametrize(
    ("cameras", "workers", "current", "expected"),
    [
        ("", 2, "", ""),
        ("abc", 1, "", "abc"),
        ("abcde", 2, "", "ace bd"),
        ("ab", 4, "", "a b"),
        ("abcd", 2, "ac bd", "ac bd"),
        ("acd", 2, "ac bd", "ac d"),  # removed: only its worker changes
        ("abcde", 2, "ac bd", "ace bd"),  # added: only one worker changes
        ("abc", 3, "a b", "a b c"),  # added, with a worker of its own
        ("b", 2, "a b", "b"),
        ("ba", 2, "a b", "a b"),  # the order of the tables says nothing
        ("bd", 2, "ac bd", "b d"),  # an idle worker is worse than a restart
        ("ab", 2, "ab", "a b"),
        ("abcd", 1, "ac bd", "abcd"),
    ],
)
def test_cameras_are_dealt_evenly_and_stay_where_they_are(
    cameras: str, workers: int, current: str, expected: str
) -> None:
    groups = deal_cameras(list(cameras), workers, [list(group) for group in current.split()])
    assert groups == [tuple(group) for group in expected.split()]


def test_a_plan_has_what_a_running_worker_can_change() -> None:
    settings = Settings(
        camera={
            "a": CameraSettings(source="synthetic", mask={"wall": MASK}),
            "off": CameraSettings(source="synthetic", enabled=False),
            "b": CameraSettings(
                source="synthetic", detect=DetectSettings(threshold=0.8), weight=2.5
            ),
        },
        track=TrackSettings(keep_threshold=0.5),
        log=LogSettings(level="debug"),
    )
    active = ActiveModel(settings=settings.model, sees_every_frame=True)
    (job,) = make_vision_jobs(settings, active, plan_number=3)
    assert job.plan.sees_every_frame
    assert [camera.name for camera in job.cameras] == ["a", "b"]
    assert [camera.min_score for camera in job.plan.cameras] == pytest.approx([0.25, 0.4])
    assert [camera.masks for camera in job.plan.cameras] == [(MASK.points,), ()]
    assert [camera.weight for camera in job.plan.cameras] == [1.0, 2.5]
    assert (job.plan.number, job.plan.log_level) == (3, "debug")


def test_settings_of_the_supervisor_are_no_other_model() -> None:
    model = ActiveModel(settings=ModelSettings(path=Path("/a.tflite")))
    watched = ActiveModel(settings=replace(model.settings, hang_s=60.0, workers=4))
    threaded = ActiveModel(settings=replace(model.settings, threads=2))
    assert is_same_model(model, watched)
    assert not is_same_model(model, threaded)
