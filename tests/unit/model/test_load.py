from pathlib import Path

import pytest

from edged.config.settings import ModelSettings
from edged.errors import ModelError, RegistryError
from edged.model.load import load_model

pytestmark = pytest.mark.runtime


def simulated(**changes: object) -> ModelSettings:
    return ModelSettings(runtime="simulated", path=Path("none.tflite"), **changes)  # type: ignore[arg-type] # any setting, by name


def test_a_class_without_a_label_is_called_by_its_number() -> None:
    model = load_model(simulated(labels=("person", "???")))
    assert [model.label_of(i) for i in range(3)] == ["person", "class-1", "class-2"]


def test_labels_come_from_the_settings_then_the_file_then_the_model(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_text("0 a\n1 b\n")
    assert load_model(simulated(labels=("x",), labels_file=file)).labels == ("x",)
    assert load_model(simulated(labels_file=file)).labels == ("a", "b")
    assert load_model(simulated()).labels == ("red", "green", "blue")


def test_labels_that_begin_with_a_background_are_shifted() -> None:
    model = load_model(simulated(labels=("background", "r", "g")))
    assert [model.label_of(0), model.label_of(1)] == ["r", "g"]


def test_a_label_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read the labels .*absent\.txt"):
        load_model(simulated(labels_file=tmp_path / "absent.txt"))


def test_a_family_can_be_requested_by_name() -> None:
    assert load_model(simulated(family="ssd")).family.name == "ssd"
    with pytest.raises(ModelError, match=r"not yolov8: it has 4 outputs"):
        load_model(simulated(family="yolov8"))


def test_the_name_is_the_models_own() -> None:
    assert load_model(simulated()).name == "simulated@1"


@pytest.mark.parametrize("changes", [{"runtime": "onnx"}, {"family": "transformer"}])
def test_an_unknown_driver_is_reported_with_those_there_are(changes: dict[str, str]) -> None:
    settings = {"runtime": "simulated", "path": Path("none.tflite")} | changes
    with pytest.raises(RegistryError, match="choose one of: "):
        load_model(ModelSettings(**settings))  # type: ignore[arg-type] # any setting, by name


def test_a_file_that_is_not_the_one_that_is_meant_is_not_loaded(tmp_path: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(b"another")
    with pytest.raises(ModelError, match="not the expected file"):
        load_model(ModelSettings(path=model, runtime="simulated", sha256="0" * 64))
