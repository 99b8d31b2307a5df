"""Labels that the model does not have, and classes without a label, are in the health and not only in the data."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.cameras.synthetic import SyntheticCamera
from edged.config.settings import (
    CameraSettings,
    DetectSettings,
    ImageSettings,
    LabelFilter,
    ModelSettings,
    Settings,
    ZoneSettings,
)
from edged.daemon.label_faults import LabelFaults
from edged.health import ConditionKind, Conditions
from edged.types import DetectedBox
from edged.vision.active_model import ActiveModel
from support.vision_service import IdleVisionService, RecordingListener, idle_vision_service
from support.worker_messages import camera_report, model_ready, observation

TRIANGLE = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5))
LABELS = ("person", "???", "car")


def settings(general: DetectSettings, camera: CameraSettings | None = None) -> Settings:
    default = CameraSettings(source="synthetic", driver=SyntheticCamera.Settings())
    return Settings(detect=general, camera={"a": camera or default})


def detections(*class_ids: int) -> tuple[DetectedBox, ...]:
    return tuple(DetectedBox((0.1, 0.1, 0.5, 0.5), 0.9, class_id) for class_id in class_ids)


def test_every_key_that_names_a_label_is_checked() -> None:
    camera = CameraSettings(
        source="synthetic",
        detect=DetectSettings(label={"cra": LabelFilter()}),
        zone={"door": ZoneSettings(points=TRIANGLE, labels=("Person", "class-1"))},
    )
    general = DetectSettings(labels=("persn", "car"), label={"dog": LabelFilter()})
    configured = replace(settings(general, camera), images=ImageSettings(hide=("car", "face")))
    assert LabelFaults(configured, "a", LABELS).descriptions == (
        'detect.labels[0]: the model has no label "persn"; did you mean "person"?',
        'detect.label.dog: the model has no label "dog"; its labels are "person", "car"',
        'camera.a.detect.label.cra: the model has no label "cra"; did you mean "car"?',
        'camera.a.zone.door.labels[0]: the model has no label "Person"; did you mean "person"?',
        'images.hide[1]: the model has no label "face"; its labels are "person", "car"',
    )


def test_who_looks_for_people_with_the_bundled_model_reads_how_to_get_another() -> None:
    (fault,) = LabelFaults(
        settings(DetectSettings(labels=("person",))), "a", ("qr_code", "???")
    ).descriptions
    assert fault.endswith(
        'its labels are "qr_code"; for people: edged model fetch coco-ssd-mobilenet-v1 --use'
    )


def test_a_list_that_the_camera_overrides_does_not_count_for_it() -> None:
    camera = CameraSettings(source="synthetic", detect=DetectSettings(labels=("car",)))
    faults = LabelFaults(settings(DetectSettings(labels=("persn",)), camera), "a", LABELS)
    assert faults.descriptions == ()


def test_a_model_without_labels_has_numbered_classes() -> None:
    faults = LabelFaults(settings(DetectSettings(labels=("class-3", "person"))), "a", ())
    (description,) = faults.descriptions
    assert 'the model has no labels, so that "person" is none of its classes' in description
    assert not faults.add_class_id(90)


def test_each_higher_class_beyond_the_list_is_new_once() -> None:
    faults = LabelFaults(settings(DetectSettings()), "a", LABELS)
    assert [faults.add_class_id(class_id) for class_id in (None, 2, 3, 3, 7, 5)] == [
        False,
        False,
        True,
        False,
        True,
        False,
    ]
    (description,) = faults.descriptions
    assert "reports the class 7, but its label list has 3 names" in description


@pytest.fixture
def conditions() -> Conditions:
    return Conditions()


@pytest.fixture
def service(tmp_path: Path, conditions: Conditions) -> Iterator[IdleVisionService]:
    with idle_vision_service(
        settings(DetectSettings(labels=("person", "cra"))),
        ActiveModel(settings=ModelSettings(path=Path("/model.tflite"))),
        folder=tmp_path,
        listener=RecordingListener(),
        conditions=conditions,
    ) as service:
        service.tick()
        service.receive(model_ready(labels=LABELS))
        service.receive(camera_report("a"))
        yield service


def label_reason(conditions: Conditions) -> str | None:
    return next((one.reason for one in conditions.active if one.kind is ConditionKind.LABELS), None)


def test_a_class_beyond_the_list_is_a_condition_until_the_model_changes(
    service: IdleVisionService, conditions: Conditions
) -> None:
    unknown = 'detect.labels[1]: the model has no label "cra"; did you mean "car"?'
    assert label_reason(conditions) == unknown
    service.receive(observation(detections=detections(3, 0)))
    service.receive(observation(detections=detections()))
    service.receive(camera_report("a"))
    assert str(label_reason(conditions)).startswith(f"{unknown}; the model reports the class 3,")
    service.receive(model_ready(labels=("person", "cra", "car", "dog")))
    assert label_reason(conditions) is None
