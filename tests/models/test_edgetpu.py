"""Readiness for the EdgeTPU. A script replaces the compiler, which is not available to the tests."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edged import bundled
from edged_models.cli.main import main
from edged_models.conversion.tflite_model import TfliteModel, parse_model
from edged_models.edgetpu.readiness import Readiness, check_readiness
from support.data_files import data_file

SUCCEEDING_COMPILER = """#!/bin/sh
echo 'Edge TPU Compiler version 16.0.384591198'
echo 'Model compiled successfully in 93 ms.'
echo 'On-chip memory used for caching model parameters: 345.00KiB'
echo 'Total number of operations: 65'
echo 'Number of operations that will run on Edge TPU: {mapped}'
echo 'Number of operations that will run on CPU: {on_cpu}'
[ "$1 $2" = "-s -o" ] || exit 9
name=$(basename "$4" .tflite)
printf compiled > "$3/${{name}}_edgetpu.tflite"
"""
FAILING_COMPILER = """#!/bin/sh
echo "ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'."
echo 'Invalid model'
exit 1
"""


@pytest.fixture(scope="module")
def marks() -> TfliteModel:
    return parse_model(bundled.model_path().read_bytes())


def install_compiler(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "edgetpu_compiler"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def cpu_kinds(analysis: Readiness) -> list[str]:
    return [op.op for op in analysis.cpu_ops]


def with_op(model: TfliteModel, index: int, **fields: object) -> TfliteModel:
    ops = list(model.ops)
    ops[index] = replace(ops[index], **fields)
    return replace(model, ops=tuple(ops))


def index_of(model: TfliteModel, name: str) -> int:
    return next(i for i, op in enumerate(model.ops) if op.name == name)


def test_the_bundled_model_is_ready_except_for_its_last_ops(marks: TfliteModel) -> None:
    analysis = check_readiness(marks)
    assert analysis.ready
    assert cpu_kinds(analysis) == ["DEQUANTIZE", "DEQUANTIZE", "TFLite_Detection_PostProcess"]
    assert 200_000 < analysis.parameters_bytes < analysis.memory_bytes


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
    analysis = check_readiness(parse_model(path.read_bytes()))
    assert not analysis.ready
    assert analysis.rejection_reason == "it is already compiled for the EdgeTPU"


def test_all_ops_after_an_unsupported_one_run_on_the_cpu(marks: TfliteModel) -> None:
    index = index_of(marks, "ADD")
    analysis = check_readiness(with_op(marks, index, name="LEAKY_RELU"))
    assert not analysis.ready
    first, second, *_ = analysis.cpu_ops
    assert (first.index, first.reason) == (index, "the EdgeTPU does not support this op")
    assert second.reason == f"needs the output of op {index} (LEAKY_RELU), which runs on the CPU"
    assert all(op.on_edgetpu and op.reason is None for op in analysis.ops[:index])


def test_one_unknown_version_has_the_whole_file_rejected(marks: TfliteModel) -> None:
    analysis = check_readiness(with_op(marks, index_of(marks, "CONV_2D"), version=6))
    assert not analysis.ready
    assert (
        analysis.rejection_reason
        == "the compiler does not know CONV_2D version 6; it knows version 5"
    )


def test_a_resize_of_a_newer_version_runs_on_the_cpu(marks: TfliteModel) -> None:
    index = index_of(marks, "RESIZE_NEAREST_NEIGHBOR")
    analysis = check_readiness(with_op(marks, index, version=3))
    assert analysis.rejection_reason is None
    assert analysis.ops[index].reason == "has version 3; the EdgeTPU supports 2"


def test_conditions_of_ops(marks: TfliteModel) -> None:
    class Options:
        fusedActivationFunction = 1  # noqa: N815  # the schema's name
        dilationWFactor = 2  # noqa: N815
        dilationHFactor = 1  # noqa: N815

    for name, reason in (
        ("CONCATENATION", "has a fused activation"),
        ("CONV_2D", "has different dilations in x and y"),
    ):
        index = index_of(marks, name)
        analysis = check_readiness(with_op(marks, index, options=Options()))
        assert analysis.ops[index].reason == reason


def test_ops_of_variable_size_run_on_the_cpu(marks: TfliteModel) -> None:
    tensors = tuple(replace(tensor, is_dynamic=True) for tensor in marks.tensors)
    analysis = check_readiness(replace(marks, tensors=tensors))
    assert not analysis.ready
    assert "variable size" in analysis.ops[0].reason


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
    assert "quantise the whole model to int8" in capsys.readouterr().out


def test_the_command_runs_the_compiler_and_keeps_its_model(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_compiler(tmp_path, SUCCEEDING_COMPILER.format(mapped=62, on_cpu=3), monkeypatch)
    out = tmp_path / "compiled.tflite"
    assert main(["check-edgetpu", str(bundled.model_path()), "--out", str(out), "--json"]) == 0
    compilation = json.loads(capsys.readouterr().out)["compilation"]
    assert (compilation["on_edgetpu"], compilation["on_cpu"]) == (62, 3)
    assert compilation["cached"] == "345.00KiB"
    assert out.read_bytes() == b"compiled"


def test_the_compiler_overrules_the_rules(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_compiler(tmp_path, SUCCEEDING_COMPILER.format(mapped=30, on_cpu=35), monkeypatch)
    assert main(["check-edgetpu", str(bundled.model_path())]) == 1
    assert "30 ops on the EdgeTPU, 35 on the CPU" in capsys.readouterr().out


def test_a_compiler_that_fails_is_quoted_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_compiler(tmp_path, FAILING_COMPILER, monkeypatch)
    out = tmp_path / "compiled.tflite"
    assert main(["check-edgetpu", str(bundled.model_path()), "--out", str(out)]) == 1
    assert "failed: ERROR: Didn't find op" in capsys.readouterr().out
    assert not out.exists()
