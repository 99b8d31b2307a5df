"""The example of training on the device, on both runtimes, with a few drawn pictures."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest

from edged import bundled
from edged.interpreters.tflite import LiteRtInterpreter
from edged.marks.draw import draw_mark
from edged.marks.mark import paste
from edged_models.tensorflow import tf
from support.data_files import data_file

EXAMPLE = Path(__file__).parents[2] / "models" / "examples" / "personalise"
sys.path.insert(0, str(EXAMPLE))  # its scripts import each other by their bare names
import make_head  # noqa: E402 - from there
import personalise  # noqa: E402 - from there
from truncate_model import truncate_model  # noqa: E402 - from there

KINDS = ("fiducial_tag", "warning_sign")


def picture(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Draw a mark of a kind at a random place on a noisy background, BGR."""
    background = rng.integers(40, 215, 3) + rng.normal(0, 12, (240, 320, 3))
    image = np.clip(background, 0, 255).astype(np.uint8)
    mark = draw_mark(kind, rng).resize(rng.uniform(70, 170))
    height, width = mark.alpha.shape
    y, x = rng.integers(0, 240 - height), rng.integers(0, 320 - width)
    paste(image[y : y + height, x : x + width], mark.rgb, mark.alpha)
    return np.ascontiguousarray(image[..., ::-1])


def draw_kinds(folder: Path, count: int, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(str(folder / kind / f"{number:02}.png"), picture(kind, rng))
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("head")
    assert make_head.main(["--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def training_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_kinds(tmp_path_factory.mktemp("training") / "kinds", 8, seed=1)


@pytest.mark.parametrize("runtime", ["litert", "tflite"])
def test_a_few_pictures_suffice_and_another_process_can_use_the_weights(
    models: Path,
    training_folder: Path,
    tmp_path: Path,
    runtime: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = tmp_path / "kinds.npz"
    common = ["--models", str(models), "--weights", str(weights), "--runtime", runtime]
    others = sorted(draw_kinds(tmp_path / "others", 10, seed=2).glob("*/*.png"))
    assert personalise.main(["train", str(training_folder), *common, "--steps", "1"]) == 0
    one_step = capsys.readouterr().out
    assert personalise.main(["train", str(training_folder), *common]) == 0
    trained = capsys.readouterr().out
    predictions = subprocess.run(
        [sys.executable, EXAMPLE / "personalise.py", "predict", *others, *common],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout.splitlines()

    correct = [f": {p.parent.name} " in line for p, line in zip(others, predictions, strict=True)]
    assert np.mean(correct) >= 0.9
    assert parse_loss(trained) < 0.1 < parse_loss(one_step)
    assert "300 steps, " in trained
    assert re.search(r"peak memory \d+ MiB", trained)


def parse_loss(output: str) -> float:
    return float(output.partition("loss ")[2].splitlines()[0])


def test_weights_of_one_runtime_work_in_the_other(
    models: Path, training_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--models", str(models), "--weights", str(tmp_path / "kinds.npz")]
    (first, *_) = training_folder.glob(f"{KINDS[1]}/*.png")
    assert personalise.main(["train", str(training_folder), *common, "--runtime", "tflite"]) == 0
    capsys.readouterr()
    assert personalise.main(["predict", str(first), *common, "--runtime", "litert"]) == 0
    assert f": {KINDS[1]} " in capsys.readouterr().out


def test_another_backbone_is_truncated_at_a_tensor(tmp_path: Path) -> None:
    backbone = data_file("models/mobilenet_v1_0.25_128_quant.tflite")
    features = tmp_path / "features.tflite"
    features.write_bytes(truncate_model(backbone.read_bytes(), "AvgPool_1a"))

    # Half of that model is the classifier's last layer, which is left out.
    assert features.stat().st_size < backbone.stat().st_size / 2
    (output,) = LiteRtInterpreter(features).signature.outputs
    assert output.shape == (1, 1, 1, 256)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--backbone", "/none.tflite", "--tensor", "x"), "cannot read /none.tflite"),
        (("--backbone", __file__, "--tensor", "x"), "is not a .tflite"),
        (("--backbone", str(bundled.model_path()), "--tensor", "nose"), "'nose' in its name"),
    ],
)
def test_an_invalid_backbone_is_a_one_line_error(
    tmp_path: Path,
    arguments: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert make_head.main([*arguments, "--out", str(tmp_path)]) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


class SavingModule(tf.Module):
    """A module that saves its weights as TensorFlow's guide shows."""

    def __init__(self) -> None:
        super().__init__()
        self.w = tf.Variable(tf.zeros((2,)))

    @tf.function(input_signature=[tf.TensorSpec((), tf.string)])
    def save(self, path: tf.Tensor) -> dict[str, tf.Tensor]:
        tf.raw_ops.Save(filename=path, tensor_names=["w"], data=[self.w.read_value()])
        return {"path": path}


def test_the_official_way_to_save_weights_needs_operators_that_no_runtime_has(
    tmp_path: Path,
) -> None:
    """If this fails, the section in docs/models/learning-on-the-device.md is outdated, and `get` and `put` can be removed."""
    module = SavingModule()
    concrete = module.save.get_concrete_function()
    tf.saved_model.save(module, str(tmp_path), signatures={"save": concrete})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
    converter.experimental_enable_resource_variables = True
    builtins = tf.lite.OpsSet.TFLITE_BUILTINS
    converter.target_spec.supported_ops = [builtins, tf.lite.OpsSet.SELECT_TF_OPS]
    model = converter.convert()
    for package in ("ai_edge_litert", "tflite_runtime"):
        interpreter = import_module(f"{package}.interpreter").Interpreter(model_content=model)
        with pytest.raises(RuntimeError, match=r"Flex delegate.*\(FlexSave\) failed to prepare"):
            interpreter.get_signature_runner("save")(path=np.array("w"))


@pytest.mark.parametrize(
    "refused",
    [
        (("train", "/none"), "/none is not a folder"),
        (("train", "{empty}"), "at least 2 kinds"),
        (("train", "{bad}"), "cannot read .*/a/1.jpg as a picture"),
        (("predict", "x.jpg", "--weights", "/none.npz"), "cannot read the weights /none.npz"),
        (("train", "{training}", "--models", "{empty}"), "features.tflite"),
        (("train", "{training}", "--weights", "/none/kinds.npz"), "cannot write /none/kinds.npz"),
    ],
)
def test_errors_are_one_line(
    models: Path,
    training_folder: Path,
    tmp_path: Path,
    refused: tuple[tuple[str, ...], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments, message = refused
    empty, bad = tmp_path / "empty", tmp_path / "bad"
    empty.mkdir()
    for name in ("a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"):
        (bad / name).parent.mkdir(parents=True, exist_ok=True)
        (bad / name).write_text("no picture")
    given = [text.format(empty=empty, bad=bad, training=training_folder) for text in arguments]
    models_given = [] if "--models" in arguments else ["--models", str(models)]
    assert personalise.main([*given, *models_given]) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(rf"personalise: .*{message}.*\n", error)
