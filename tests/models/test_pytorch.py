"""PyTorch models: what the .tflite gives is what PyTorch gives, on both runtimes. Needs .venv-models-torch."""

import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import foreign_networks
import numpy as np
import pytest
import tiny

from edged_models.cli.main import main
from edged_models.conversion.convert import convert
from edged_models.conversion.foreign_options import ForeignOptions, InputLayout
from edged_models.conversion.kinds.pytorch import imports_pytorch_only
from edged_models.conversion.open_source import open_source
from edged_models.conversion.source import FileSource, ModelSource, Precision
from edged_models.conversion.tflite_model import parse_model
from edged_models.conversion.unquantized import find_unquantized
from edged_models.environments import environment
from edged_models.environments.environment import PYTORCH
from edged_models.errors import SourceError, ToolError
from edged_models.quantization.quantize import quantize
from edged_models.quantization.scheme import IoType, Scheme

RUNTIMES = ("litert", "tflite")
needs_pytorch = pytest.mark.skipif(
    not PYTORCH.is_ready, reason="make -C models pytorch-environment has not been run"
)
pytestmark = pytest.mark.timeout(300)


class _Executes:
    """An object whose pickle creates a file when it is read."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pytorch")
    foreign_networks.export(folder)
    return folder


@pytest.fixture(scope="module")
def classifier(folder: Path) -> ModelSource:
    return open_source(str(folder / "classifier.pt2"))


@needs_pytorch
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_exported_program_has_the_outputs_of_pytorch(
    classifier: ModelSource, runtime: str, tmp_path: Path
) -> None:
    path = tmp_path / "classifier.tflite"
    path.write_bytes(convert(classifier))
    result = tiny.run(path, runtime, tiny.pictures()[3])
    assert result.family == "classification"
    (expected,) = classifier.run(result.tensor)
    assert expected.max() > 0.3, "a network with equal probabilities would prove nothing"
    np.testing.assert_allclose(result.outputs[0], expected, atol=1e-5)


@needs_pytorch
def test_tensorflow_quantises_an_exported_program_completely(
    classifier: ModelSource, tmp_path: Path
) -> None:
    path = tmp_path / "int8.tflite"
    scaled = replace(classifier, metadata=replace(classifier.metadata, mean=(127.5,), std=(127.5,)))  # type: ignore[type-var]
    path.write_bytes(
        quantize(scaled, scheme=Scheme.INT8, io=IoType.FLOAT, calibration=tiny.pictures())
    )
    parts = find_unquantized(parse_model(path.read_bytes()), include_activations=True)
    assert parts.ops == (), "TensorFlow would leave convolutions in float"
    for runtime in RUNTIMES:
        result = tiny.run(path, runtime, tiny.pictures()[3])
        np.testing.assert_allclose(result.outputs[0], classifier.run(result.tensor)[0], atol=0.06)


@needs_pytorch
def test_a_factory_of_a_detector_gives_a_model_of_the_family_yolov8(
    folder: Path, tmp_path: Path
) -> None:
    spec = f"{folder / 'networks.py'}:detector"
    source = open_source(spec, foreign=ForeignOptions(input_shape=(1, 3, 32, 32)))
    path = tmp_path / "detector.tflite"
    path.write_bytes(convert(source))
    for runtime in RUNTIMES:
        result = tiny.run(path, runtime, tiny.pictures()[3])
        assert result.family == "yolov8"
        np.testing.assert_allclose(result.outputs[0], source.run(result.tensor)[0], atol=1e-3)


@needs_pytorch
def test_outputs_keep_their_order_and_maps_have_their_channels_last(folder: Path) -> None:
    source = open_source(f"torch:{folder / 'networks.py'}:two_outputs")
    tensor = np.random.default_rng(1).random((1, 32, 32, 3), dtype=np.float32)
    reference = source.run(tensor)
    assert [one.shape for one in reference] == [(1, 32, 32, 2), (1, 512, 4)]
    model = source.to_tflite(Precision.FLOAT32)
    converted = FileSource(name="two", metadata=source.metadata, model=model).run(tensor)
    for mine, its in zip(converted, reference, strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-5)


@needs_pytorch
def test_the_layout_can_stay_as_it_is(folder: Path) -> None:
    options = ForeignOptions(layout=InputLayout.AS_IS)
    source = open_source(str(folder / "twooutputs.pt2"), foreign=options)
    tensor = np.random.default_rng(1).random((1, 3, 32, 32), dtype=np.float32)
    assert [one.shape for one in source.run(tensor)] == [(1, 2, 32, 32), (1, 512, 4)]


@needs_pytorch
def test_the_same_program_gives_the_same_bytes(classifier: ModelSource, folder: Path) -> None:
    assert convert(open_source(str(folder / "classifier.pt2"))) == convert(classifier)


@needs_pytorch
def test_a_source_with_other_metadata_still_runs(classifier: ModelSource) -> None:
    renamed = replace(classifier, metadata=replace(classifier.metadata, name="other"))  # type: ignore[type-var]
    assert len(renamed.run(np.zeros((1, 32, 32, 3), np.float32))) == 1


@needs_pytorch
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("training.pt2", ("training mode", "net.eval()")),
        ("weights.pt", ("pickle", "torch.export")),
        ("script.pt", ("TorchScript", "torch.export")),
        ("absent.pt2", ("no such file",)),
        ("networks.py:detector", ("no example input", "--input")),
        ("networks.py:fails", ("networks.py, line ", "ValueError: no weights")),
        ("networks.py:nothing", ("has no nothing",)),
    ],
)
def test_a_refusal_says_what_to_do_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], spec: str, words: tuple[str, ...]
) -> None:
    out = folder / f"{spec.replace(':', '-')}.tflite"
    assert main(["convert", str(folder / spec), "--out", str(out)]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    for word in words:
        assert word in message
    assert not out.exists()


@needs_pytorch
def test_code_in_an_exported_program_is_not_executed(folder: Path, tmp_path: Path) -> None:
    """torch.export.load unpickles the example inputs with all that they name, unless it is told not to."""
    proof, path = tmp_path / "executed", tmp_path / "program.pt2"
    payload = pickle.dumps(_Executes(str(proof)))
    with zipfile.ZipFile(folder / "classifier.pt2") as source, zipfile.ZipFile(path, "w") as copy:
        for one in source.namelist():
            copy.writestr(one, payload if "sample_inputs" in one else source.read(one))
    with pytest.raises(SourceError, match="cannot be read as an exported program"):
        open_source(str(path))
    assert not proof.exists()
    with pytest.raises(SourceError):
        open_source(str(path), trust_code=True)
    assert proof.exists(), "the proof that the file would have executed code"


@needs_pytorch
def test_a_damaged_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "damaged.pt2").write_bytes(b"PK\x03\x04 no program")
    with pytest.raises(SourceError, match="cannot be read as an exported program"):
        open_source(str(tmp_path / "damaged.pt2"))


def test_a_missing_environment_is_named_with_its_size_and_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.pt2").write_bytes(b"")
    absent = environment.Environment(
        name="PyTorch", target="pytorch-environment", folder=tmp_path / ".venv-models-torch", download_mb=490, disk_mb=2250
    )  # fmt: skip
    monkeypatch.setattr("edged_models.conversion.kinds.pytorch.PYTORCH", absent)
    with pytest.raises(ToolError, match=r"490 MB.*2250 MB.*--set-up.*make -C models pytorch-env"):
        open_source(str(tmp_path / "net.pt2"))


def test_what_prevents_an_environment_is_told_in_one_line(tmp_path: Path) -> None:
    impossible = environment.Environment(
        name="PyTorch", target="no-such-target", folder=tmp_path / "none", download_mb=1, disk_mb=1
    )
    with pytest.raises(ToolError, match=r"^`make -C models no-such-target` failed: .*no-such-target.*$"):  # fmt: skip
        impossible.require(set_up=True)


def test_a_file_belongs_to_pytorch_by_its_imports(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    for text, expected in (
        ("import torch", True),
        ("from torch import nn\nimport numpy", True),
        ("import torch\nimport tensorflow as tf", False),
        ("import torch\nfrom keras.layers import Dense", False),
        ("import numpy", False),
        ("import (", False),
    ):
        path.write_text(text)
        assert imports_pytorch_only(path) is expected, text
