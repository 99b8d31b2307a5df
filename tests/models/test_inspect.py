"""``edged-models inspect``: contents of a model file; a damaged one is an error message, not a crash."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from colour_classifier import write_classifier

from edged import bundled
from edged_models.cli.main import main
from edged_models.conversion.model_contents import inspect_model
from edged_models.conversion.tflite_model import parse_model
from edged_models.errors import SourceError
from support.data_files import data_file


def test_the_contents_of_the_bundled_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(bundled.model_path()), "--json"]) == 0
    contents = json.loads(capsys.readouterr().out)
    ops = {op["op"]: op for op in contents["ops"]}
    assert contents["bytes"] == bundled.model_path().stat().st_size
    assert contents["deflated_bytes"] < contents["bytes"]
    assert ops["TFLite_Detection_PostProcess"]["count"] == 1
    assert [op["op"] for op in contents["unquantized"]["ops"]] == ["TFLite_Detection_PostProcess"]
    assert sum(one["weights_bytes"] for one in contents["tensors"]) < contents["bytes"]
    assert contents["labels"][0] == "qr_code"
    assert main(["inspect", str(bundled.model_path())]) == 0
    assert " edged-marks@" in capsys.readouterr().out


def test_macs_and_memory_by_hand() -> None:
    # MobileNet v1 0.25 at 128 px: Howard et al. count 14 million multiplications with addition.
    path = data_file("models/mobilenet_v1_0.25_128_quant.tflite")
    content = path.read_bytes()
    contents = inspect_model(content, parse_model(content), path.name)
    assert sum(op.macs for op in contents.ops) == pytest.approx(14e6, rel=0.05)
    # The first pointwise convolution: 64 x 64 x 8 in, 64 x 64 x 16 out.
    assert contents.peak_activations_bytes == 64 * 64 * (8 + 16)


def test_a_float_model_has_no_unquantized_ops() -> None:
    content = data_file("models/yolox_nano_float16_quantize.tflite").read_bytes()
    contents = inspect_model(content, parse_model(content), "yolox")
    assert contents.unquantized.ops == ()
    assert contents.title is None
    assert {one.dtype for one in contents.tensors if one.weights_bytes > 1000} == {"float16"}


def test_damaged_files_are_reported_quickly() -> None:
    original = bundled.model_path().read_bytes()
    size = len(original)
    rng = random.Random(11)
    reported = 0
    began_s = time.perf_counter()
    for _ in range(60):
        damaged = bytearray(original)
        for _ in range(rng.choice((1, 30))):
            # The tables are at the beginning and the end; the weights between may have any value.
            position = rng.choice((rng.randrange(200), rng.randrange(size - 40_000, size)))
            damaged[position] = rng.randrange(256)
        if rng.random() < 0.3:
            del damaged[rng.randrange(len(damaged)) :]
        try:
            content = bytes(damaged)
            inspect_model(content, parse_model(content), "damaged")
        except SourceError:
            reported += 1
    assert reported > 10
    assert time.perf_counter() - began_s < 60


def test_the_command_prints_the_error_and_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = tmp_path / "short.tflite"
    short.write_bytes(bundled.model_path().read_bytes()[:5000])
    for path in (short, tmp_path / "none.tflite", tmp_path):
        assert main(["inspect", str(path)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("edged-models: ")
        assert error.count("\n") == 1


def test_no_tensorflow_is_imported_to_inspect_a_file() -> None:
    script = (
        "import sys; from edged_models.cli.main import main; "
        f"[main([c, {str(bundled.model_path())!r}]) for c in ('inspect', 'metadata', 'check-edgetpu')]; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


def _inspect_image(
    capsys: pytest.CaptureFixture[str], model: Path, image: Path, *options: str
) -> dict[str, object]:
    assert main(["inspect", str(model), "--image", str(image), "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_picture_shows_a_classifiers_best_classes_on_both_runtimes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_classifier(tmp_path / "colours.tflite")
    picture = tmp_path / "red.png"
    assert cv2.imwrite(str(picture), np.full((32, 32, 3), (0, 0, 255), np.uint8))
    result = _inspect_image(capsys, model, picture, "--top", "3")
    assert [one["runtime"].split()[0] for one in result["runs"]] == ["litert", "tflite"]
    # The logits of pure red, by hand: 2 m.p - p.p for means m and colours p, each 1 or -1 in three channels.
    logits = 2 * np.array([3, -1, -1, 1, -3, 1, -1], float) - 3
    powers = np.exp(logits - logits.max())
    for run in result["runs"]:
        assert [one["label"] for one in run["answers"]] == ["red", "yellow", "magenta"]
        scores = [one["score"] for one in run["answers"]]
        assert scores == pytest.approx([powers[i] / powers.sum() for i in (0, 3, 5)], abs=1e-4)
    assert result["contents"]["labels"][0] == "red"


def test_a_picture_shows_a_detectors_boxes_and_they_are_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = Path(__file__).parents[2] / "models" / "card" / "testcard.png"
    out = tmp_path / "drawn.png"
    result = _inspect_image(capsys, bundled.model_path(), card, "--out", str(out), "--min-score", "0.4")  # fmt: skip
    for run in result["runs"]:
        labels = [one["label"] for one in run["answers"]]
        assert {"qr_code", "barcode", "warning_sign"} <= set(labels)
        assert all(one["score"] >= 0.4 for one in run["answers"])
    before, after = cv2.imread(str(card)), cv2.imread(str(out))
    assert before.shape == after.shape
    assert (before != after).any()
    assert [path.name for path in tmp_path.iterdir()] == ["drawn.png"]
    args = ["inspect", str(bundled.model_path()), "--image", str(card), "--runtime", "tflite"]
    assert main(args) == 0
    text = capsys.readouterr().out
    assert "testcard.png, tflite 2.14.0: " in text
    assert "litert" not in text


def test_a_picture_or_model_that_cannot_be_used_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(bundled.model_path())
    junk = tmp_path / "junk.jpg"
    junk.write_bytes(b"no picture")
    for args in (["--image", str(junk)], ["--image", "nowhere.png"], ["--image", str(junk), "--out", "nowhere/a.png"]):  # fmt: skip
        assert main(["inspect", model, *args]) == 1
        assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SystemExit) as ended:
        main(["inspect", model, "--out", str(tmp_path / "a.png")])
    assert ended.value.code == 2
