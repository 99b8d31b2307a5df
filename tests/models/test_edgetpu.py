"""Which models are ready for the EdgeTPU; the compiler itself is a script here, for it runs nowhere in the tests."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edged import bundled
from edged_models.cli.main import main
from edged_models.conversion.tflite_model import TfliteModel, parse_model
from edged_models.edgetpu.readiness import Readiness, check_readiness
from support.data_files import data_file

COMPILES = """#!/bin/sh
echo 'Edge TPU Compiler version 16.0.384591198'
echo 'Model compiled successfully in 93 ms.'
echo 'On-chip memory used for caching model parameters: 345.00KiB'
echo 'Total number of operations: 65'
echo 'Number of operations that will run on Edge TPU: {mapped}'
echo 'Number of operations that will run on CPU: {left}'
[ "$1 $2" = "-s -o" ] || exit 9
name=$(basename "$4" .tflite)
printf compiled > "$3/${{name}}_edgetpu.tflite"
"""
FAILS = """#!/bin/sh
echo "ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'."
echo 'Invalid model'
exit 1
"""


@pytest.fixture(scope="module")
def marks() -> TfliteModel:
    return parse_model(bundled.model_path().read_bytes())


def compiler(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "edgetpu_compiler"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def kinds(judged: Readiness) -> list[str]:
    return [op.op for op in judged.cpu_ops]


def changed(model: TfliteModel, place: int, **fields: object) -> TfliteModel:
    ops = list(model.ops)
    ops[place] = replace(ops[place], **fields)
    return replace(model, ops=tuple(ops))


def place(model: TfliteModel, name: str) -> int:
    return next(i for i, op in enumerate(model.ops) if op.name == name)


def test_the_bundled_model_is_ready_but_for_its_end(marks: TfliteModel) -> None:
    judged = check_readiness(marks)
    assert judged.ready
    assert kinds(judged) == ["DEQUANTIZE", "DEQUANTIZE", "TFLite_Detection_PostProcess"]
    assert 200_000 < judged.parameters_bytes < judged.memory_bytes


@pytest.mark.parametrize(
    ("model", "ready"),
    [
        ("coco_ssd_v1_tf2_output_order.tflite", True),
        ("mobilenet_v1_0.25_128_quant.tflite", True),
        ("yolox_nano_int8_quantize.tflite", False),
        ("yolox_nano_float16_quantize.tflite", False),
    ],
)
def test_public_models(model: str, *, ready: bool) -> None:
    assert check_readiness(parse_model(data_file(f"models/{model}").read_bytes())).ready is ready


def test_a_compiled_model_is_not_compiled_again() -> None:
    path = data_file("models/mobilenet_v1_0.25_128_quant_edgetpu.tflite")
    judged = check_readiness(parse_model(path.read_bytes()))
    assert not judged.ready
    assert "already" in judged.rejection_reason


def test_all_after_an_op_that_is_unknown_runs_on_the_cpu(marks: TfliteModel) -> None:
    early = place(marks, "ADD")
    judged = check_readiness(changed(marks, early, name="LEAKY_RELU"))
    assert not judged.ready
    first, second, *_ = judged.cpu_ops
    assert (first.index, first.reason) == (early, "the EdgeTPU has no such op")
    assert second.reason == f"needs what op {early} (LEAKY_RELU) gives on the CPU"
    assert all(op.on_edgetpu for op in judged.ops[:early])


def test_one_unknown_version_has_the_whole_file_refused(marks: TfliteModel) -> None:
    judged = check_readiness(changed(marks, place(marks, "CONV_2D"), version=6))
    assert not judged.ready
    assert judged.rejection_reason == "CONV_2D version 6 is unknown to the compiler, which knows 5"


def test_a_resize_of_newer_version_falls_to_the_cpu(marks: TfliteModel) -> None:
    at = place(marks, "RESIZE_NEAREST_NEIGHBOR")
    judged = check_readiness(changed(marks, at, version=3))
    assert not judged.rejection_reason
    assert judged.ops[at].reason == "has version 3; the EdgeTPU does 2"


def test_conditions_of_ops(marks: TfliteModel) -> None:
    class Options:
        fusedActivationFunction = 1  # noqa: N815  # the schema's name
        dilationWFactor = 2  # noqa: N815
        dilationHFactor = 1  # noqa: N815

    for name, says in (
        ("CONCATENATION", "has an activation fused into it"),
        ("CONV_2D", "is dilated differently in x and y"),
    ):
        at = place(marks, name)
        judged = check_readiness(changed(marks, at, options=Options()))
        assert judged.ops[at].reason == says


def test_open_sizes_fall_to_the_cpu(marks: TfliteModel) -> None:
    tensors = tuple(replace(tensor, is_dynamic=True) for tensor in marks.tensors)
    judged = check_readiness(replace(marks, tensors=tensors))
    assert not judged.ready
    assert "size is open" in judged.ops[0].reason


def test_the_command_without_a_compiler(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["check-edgetpu", str(bundled.model_path())]) == 0
    assert "not run: no edgetpu_compiler on PATH" in capsys.readouterr().out
    assert main(["check-edgetpu", str(bundled.model_path()), "--out", str(tmp_path / "x")]) == 1
    assert "no edgetpu_compiler on PATH" in capsys.readouterr().err
    float_model = data_file("models/yolox_nano_float16_quantize.tflite")
    assert main(["check-edgetpu", str(float_model)]) == 1
    assert "quantise it to int8 throughout" in capsys.readouterr().out


def test_the_command_runs_the_compiler_and_keeps_what_it_makes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler(tmp_path, COMPILES.format(mapped=62, left=3), monkeypatch)
    out = tmp_path / "made.tflite"
    assert main(["check-edgetpu", str(bundled.model_path()), "--out", str(out), "--json"]) == 0
    compiled = json.loads(capsys.readouterr().out)["compilation"]
    assert (compiled["on_edgetpu"], compiled["on_cpu"]) == (62, 3)
    assert compiled["cached"] == "345.00KiB"
    assert out.read_bytes() == b"compiled"


def test_the_compiler_has_the_last_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler(tmp_path, COMPILES.format(mapped=30, left=35), monkeypatch)
    assert main(["check-edgetpu", str(bundled.model_path())]) == 1
    assert "30 ops on the EdgeTPU, 35 on the CPU" in capsys.readouterr().out


def test_a_compiler_that_fails_is_quoted_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler(tmp_path, FAILS, monkeypatch)
    out = tmp_path / "made.tflite"
    assert main(["check-edgetpu", str(bundled.model_path()), "--out", str(out)]) == 1
    assert "failed: ERROR: Didn't find op" in capsys.readouterr().out
    assert not out.exists()
