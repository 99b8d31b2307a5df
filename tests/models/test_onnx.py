"""ONNX files: what the .tflite gives is what ONNX Runtime gives, on both runtimes. Needs .venv-models-onnx."""

import hashlib
from pathlib import Path

import numpy as np
import onnx_graphs
import pytest
import tiny

from edged_models.cli.main import main
from edged_models.conversion.convert import convert
from edged_models.conversion.open_source import open_source
from edged_models.conversion.source import FileSource, Precision
from edged_models.environments.environment import ONNX
from edged_models.errors import SourceError

RUNTIMES = ("litert", "tflite")
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not ONNX.is_ready,
        reason="make -C models onnx-environment has not been run",
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    onnx_graphs.write_graphs(folder)
    return folder


@pytest.mark.parametrize(("name", "family"), [("classifier", "classification"), ("detector", "yolov8")])  # fmt: skip
def test_a_file_has_the_outputs_of_onnx_runtime(
    folder: Path, tmp_path: Path, name: str, family: str
) -> None:
    before = hashlib.sha256((folder / f"{name}.onnx").read_bytes()).digest()
    source = open_source(str(folder / f"{name}.onnx"))
    path = tmp_path / "converted.tflite"
    path.write_bytes(convert(source))
    for runtime in RUNTIMES:
        result = tiny.run(path, runtime, tiny.pictures()[3])
        assert result.family == family
        (expected,) = source.run(result.tensor)
        assert np.ptp(expected) > 0.3, "equal outputs would prove nothing"
        np.testing.assert_allclose(result.outputs[0], expected, atol=1e-5 * np.abs(expected).max())
    assert hashlib.sha256((folder / f"{name}.onnx").read_bytes()).digest() == before, "rewritten"


def test_outputs_keep_their_order_and_maps_have_their_channels_last(folder: Path) -> None:
    source = open_source(str(folder / "two.onnx"))
    tensor = np.random.default_rng(1).random((1, 32, 32, 3), dtype=np.float32)
    reference = source.run(tensor)
    assert [one.shape for one in reference] == [(1, 32, 32, 2), (1, 512, 4)]
    model = source.to_tflite(Precision.FLOAT32)
    converted = FileSource(name="two", metadata=source.metadata, model=model).run(tensor)
    for mine, its in zip(converted, reference, strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-5)
    again = open_source(str(folder / "two.onnx")).to_tflite(Precision.FLOAT32)
    assert again == model, "the same file gives the same bytes"


def test_a_variable_size_is_set(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match=r"variable size: set it with --input"):
        open_source(str(folder / "variable.onnx"))
    out = folder / "sized.tflite"
    normalisation = ["--mean", "0", "--std", "255"]
    arguments = ["convert", str(folder / "variable.onnx"), "--side", "64", *normalisation]
    assert main([*arguments, "--out", str(out)]) == 0
    assert "[1, 64, 64, 3] image" in capsys.readouterr().out
    with pytest.raises(SourceError, match="is fixed: omit --input and --side"):
        open_source(str(folder / "classifier.onnx"), side_px=64)


def test_a_graph_with_two_inputs_is_refused(folder: Path) -> None:
    with pytest.raises(SourceError, match="has 2 inputs; it must have one, a picture"):
        open_source(str(folder / "sum.onnx"))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "damaged.onnx").write_bytes(b"\x08\x07no graph")
    with pytest.raises(SourceError, match="cannot be read as an ONNX file"):
        open_source(str(tmp_path / "damaged.onnx"))
