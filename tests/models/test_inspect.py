"""A model file is taken for what it is, and a damaged one is a line, not a crash."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edged import bundled
from edged_models.cli.main import main
from edged_models.conversion.model_contents import inspect_model
from edged_models.conversion.tflite_model import parse_model
from edged_models.errors import SourceError
from support.data_files import data_file


def test_the_bundled_model_is_counted_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(bundled.model_path()), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    ops = {op["op"]: op for op in found["ops"]}
    assert found["bytes"] == bundled.model_path().stat().st_size
    assert found["deflated_bytes"] < found["bytes"]
    assert ops["TFLite_Detection_PostProcess"]["count"] == 1
    assert [op["op"] for op in found["unquantized"]["ops"]] == ["TFLite_Detection_PostProcess"]
    assert sum(one["weights_bytes"] for one in found["tensors"]) < found["bytes"]
    assert found["labels"][0] == "qr_code"


def test_macs_and_memory_by_hand() -> None:
    # MobileNet v1 0.25 at 128 px: Howard et al. count 14 million multiplications with addition.
    path = data_file("models/mobilenet_v1_0.25_128_quant.tflite")
    content = path.read_bytes()
    found = inspect_model(content, parse_model(content), path.name)
    assert sum(op.macs for op in found.ops) == pytest.approx(14e6, rel=0.05)
    # The first pointwise convolution: 64 x 64 x 8 in, 64 x 64 x 16 out.
    assert found.peak_activations_bytes == 64 * 64 * (8 + 16)


def test_a_float_model_has_nothing_left_over() -> None:
    content = data_file("models/yolox_nano_float16_quantize.tflite").read_bytes()
    found = inspect_model(content, parse_model(content), "yolox")
    assert found.unquantized.ops == ()
    assert {one.dtype for one in found.tensors if one.weights_bytes > 1000} == {"float16"}


def test_damage_is_a_line_and_takes_no_time() -> None:
    whole = bundled.model_path().read_bytes()
    rng = random.Random(11)
    refused = 0
    began_s = time.perf_counter()
    for _ in range(60):
        broken = bytearray(whole)
        for _ in range(rng.choice((1, 30))):
            # The tables are at the end and the beginning; the weights between are numbers that cannot be wrong.
            place = rng.choice((rng.randrange(200), rng.randrange(len(whole) - 40_000, len(whole))))
            broken[place] = rng.randrange(256)
        if rng.random() < 0.3:
            del broken[rng.randrange(len(broken)) :]
        try:
            content = bytes(broken)
            inspect_model(content, parse_model(content), "broken")
        except SourceError:
            refused += 1
    assert refused > 10
    assert time.perf_counter() - began_s < 60


def test_the_command_prints_the_error_and_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = tmp_path / "short.tflite"
    short.write_bytes(bundled.model_path().read_bytes()[:5000])
    for path in (short, tmp_path / "none.tflite", tmp_path):
        assert main(["inspect", str(path)]) == 1
        said = capsys.readouterr().err
        assert said.startswith("edged-models: ")
        assert said.count("\n") == 1


def test_no_tensorflow_is_imported_to_inspect_a_file() -> None:
    script = (
        "import sys; from edged_models.cli.main import main; "
        f"[main([c, {str(bundled.model_path())!r}]) for c in ('inspect', 'metadata', 'check-edgetpu')]; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
