"""A model with an operator that no runtime implements, and a library with that operator, built here."""

import ctypes
import json
from pathlib import Path

import numpy as np
import pytest

from edged.cli.main import main
from edged.config.settings import ModelSettings
from edged.errors import ModelError
from edged.model.load import Model, load_model
from edged.types import Frame
from support.customop import LABELS, MODEL, build_library
from support.edgetpu import build_simulator
from support.pictures import frame, run_inference

pytestmark = pytest.mark.runtime


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build_library(tmp_path_factory.mktemp("customop")))


def opened(source: str, **others: object) -> Model:
    settings = ModelSettings(
        path=MODEL,
        labels=LABELS,
        custom_ops={"MeanColour": source},
        **others,  # type: ignore[arg-type] # any setting, by name
    )
    return load_model(settings)


def filled_with(label: str) -> Frame:
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[..., 2 - LABELS.index(label)] = 255  # blue comes first
    return frame(pixels)


def test_a_model_with_a_custom_operator_runs_with_its_library(library: str) -> None:
    model = opened(f"{library}:Register_MEAN_COLOUR")
    for label in LABELS:
        found = run_inference(model, filled_with(label), 0.5)
        assert [model.label_of(int(i)) for i in found.class_ids] == [label]
        # The gain of 10 is in the operator's options: it has reached `init`.
        assert found.scores == pytest.approx([np.exp(10) / (np.exp(10) + 2)], abs=1e-4)
    model.interpreter.close()


def test_the_operator_is_freed_with_the_model(library: str) -> None:
    alive = ctypes.CDLL(library).mean_colour_alive
    before = alive()
    first, second = (opened(f"{library}:Register_MEAN_COLOUR") for _ in range(2))
    assert alive() == before + 2
    first.interpreter.close()
    second.interpreter.close()
    assert alive() == before


def test_the_other_operators_are_the_runtimes(library: str) -> None:
    model = opened(f"{library}:Register_MEAN_COLOUR")
    assert model.interpreter.delegate == "XNNPACK (1 of 2 operators)"
    assert [op.name for op in model.interpreter.signature.ops] == ["MeanColour", "SOFTMAX"]


def test_a_delegate_may_stand_beside_it(library: str, tmp_path: Path) -> None:
    simulator = str(build_simulator(tmp_path))
    model = opened(f"{library}:Register_MEAN_COLOUR", delegate=simulator)
    found = run_inference(model, filled_with("red"), 0.5)
    assert model.label_of(int(found.class_ids[0])) == "red"


def test_a_model_without_its_library_requires_it() -> None:
    with pytest.raises(
        ModelError, match=r"operator MeanColour, which .* set model\.custom_ops\.Me"
    ):
        load_model(ModelSettings(path=MODEL))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("/none/libop.so:Register_X", r"cannot load the library /none/libop\.so"),
        (f"{MODEL}:Register_X", r"cannot load the library .*custom_op\.tflite"),
        ("{library}:Register_X", "does not export Register_X"),
        ("{library}:no_function", "no_function of .* is not a function"),
        ("{library}:gives_a_number", "does not return a TfLiteRegistration"),
        ("{library}:Register_NOTHING", "does not return a TfLiteRegistration"),
        ("{library}:Register_WITHOUT_INVOKE", "does not return a TfLiteRegistration with an `inv"),
    ],
)
def test_a_library_that_lacks_the_operator_is_reported_in_one_line(
    library: str, source: str, reason: str
) -> None:
    with pytest.raises(ModelError, match=rf"^model\.custom_ops\.MeanColour: .*{reason}") as error:
        opened(source.format(library=library))
    assert "\n" not in str(error.value)


def test_inspect_takes_the_library_too(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["inspect", str(MODEL), "--json"]
    op = f"MeanColour={library}:Register_MEAN_COLOUR"
    assert main([*command, "--custom-op", op]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ops"] == {"MeanColour": 1, "SOFTMAX": 1}
    assert main([*command, "--custom-op", "MeanColour=/none.so:f"]) == 1
    assert "model.custom_ops.MeanColour: " in json.loads(capsys.readouterr().out)["message"]
    with pytest.raises(SystemExit):
        main([*command, "--custom-op", "MeanColour=/none.so"])
    assert "expected NAME=LIB:FUNCTION" in capsys.readouterr().err
