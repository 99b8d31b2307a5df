"""``compress`` on a classifier that is not edged's, with checks from the written files."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from foreign import classifier

from edged_models.cli.main import main
from edged_models.compression.comparison import ComparisonTable
from edged_models.compression.file_facts import read_file_facts, read_kernels

TECHNIQUES = "float32,float16,dynamic,int8,weights-50,clusters-16,input-192"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    pictures = classifier.write_class_folder(folder / "pictures", count=40)
    classifier.train(pictures, epochs=15).save(folder / "net.keras")
    return folder / "net.keras"


@pytest.fixture(scope="module")
def grid(network: Path) -> Path:
    out = network.with_name("grid")
    pictures = str(network.with_name("pictures"))
    command = ["compress", str(network), "--train-on", pictures, "--pictures", pictures]
    command += ["--only", TECHNIQUES, "--steps", "20", "--seeds", "2", "--out", str(out)]
    assert main(command) == 0
    return out


@pytest.fixture(scope="module")
def table(grid: Path) -> ComparisonTable:
    return msgspec.json.decode((grid / "table.json").read_bytes(), type=ComparisonTable)


def test_a_classifier_has_rows_with_its_accuracy(table: ComparisonTable) -> None:
    names = ["float32", "dynamic", "float16", "int8", "weights-50", "clusters-16"]
    assert [row.name for row in table.rows] == names
    assert table.side_px == (classifier.SIDE_PX, classifier.SIDE_PX)
    for row in table.rows:
        assert {one.measure for one in row.qualities} == {"top-1"}
        assert len(row.qualities) == (2 if row.name in ("weights-50", "clusters-16") else 1)
    float32, int8 = table.rows[0], table.rows[3]
    assert float32.mean > 0.7
    assert abs(int8.mean - float32.mean) < 0.05


def test_what_cannot_be_applied_is_listed(table: ComparisonTable) -> None:
    (omitted,) = table.omitted
    assert omitted.name == "input-192"
    assert "has the input size of its file" in omitted.reason


def test_files_hold_what_their_rows_promise(grid: Path) -> None:
    facts = {path.stem: read_file_facts(path.read_bytes()) for path in grid.glob("*.tflite")}
    for name in ("int8", "weights-50", "clusters-16", "weights-50-seed-2", "clusters-16-seed-2"):
        assert facts[name].float_ops == 0, name
    assert facts["float32"].float_ops == facts["float32"].ops
    for name in ("weights-50", "weights-50-seed-2"):
        kernels = read_kernels((grid / f"{name}.tflite").read_bytes())
        zeros, size = sum(int((k == 0).sum()) for k in kernels), sum(k.size for k in kernels)
        assert 0.5 <= zeros / size < 0.6
        assert facts[name].zero_share == pytest.approx(zeros / size)
    kernels = read_kernels((grid / "clusters-16.tflite").read_bytes())
    assert max(len(np.unique(kernel)) for kernel in kernels) <= 16
    assert facts["clusters-16"].max_distinct <= 16
    assert facts["float32"].max_distinct > 256


def test_kernels_of_float16_are_read_as_stored(grid: Path) -> None:
    kernels = read_kernels((grid / "float16.tflite").read_bytes())
    assert {kernel.dtype for kernel in kernels} == {np.dtype(np.float16)}


def test_a_keras_network_needs_pictures(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compress", str(network), "--pictures", "scenes:held-out:20"]) == 1
    assert "give --train-on PICTURES" in capsys.readouterr().err
