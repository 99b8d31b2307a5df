"""``edged-models compress`` and its single techniques, as a user runs them."""

from pathlib import Path

import msgspec
import pytest
from eager_mode import run_eagerly

from edged_models.cli.main import main
from edged_models.compression.comparison import ComparisonTable
from edged_models.detector.checkpoint import load_checkpoint

FINE_TUNING = ["--train-pictures", "scenes:train:20", "--steps", "2"]


def table_in(folder: Path) -> ComparisonTable:
    return msgspec.json.decode((folder / "table.json").read_bytes(), type=ComparisonTable)


def test_the_comparison_writes_a_table_and_resumes(
    checkpoint_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "grid"
    command = ["compress", str(checkpoint_file), "--pictures", "scenes:held-out:12", *FINE_TUNING]
    command += ["--seeds", "2", "--out", str(out)]
    assert main([*command, "--only", "float32,channels-50", "--budget", "size<=100KB"]) == 0
    first = table_in(out)
    assert [row.name for row in first.rows] == ["float32", "channels-50"]
    wide, narrow = first.rows
    assert narrow.parameters < 0.7 * wide.parameters
    assert 0 < narrow.file_bytes < wide.file_bytes == (out / "float32.tflite").stat().st_size
    assert narrow.deflated_bytes < narrow.file_bytes
    assert "size" in narrow.pareto_fronts
    for row in first.rows:
        assert [cost.runtime for cost in row.costs] == ["litert", "tflite"]
        assert all(cost.latency_ms > 0 and cost.ram_mib > 0 for cost in row.costs)
        assert all(0 <= one.ap <= one.value <= 1 for one in row.qualities)
    assert [len(row.qualities) for row in first.rows] == [1, 2]
    assert (out / "best.tflite").read_bytes() == (out / first.choice.model).read_bytes()
    assert not list(out.glob(".pictures-*"))
    printed = capsys.readouterr().out
    assert "50 % of channels pruned, int8" in printed
    assert first.machine.processor in printed
    assert first.machine.processor in (out / "table.md").read_text()
    assert (out / "table.svg").read_text().lstrip().startswith("<?xml")

    built_ns = (out / "channels-50.tflite").stat().st_mtime_ns
    assert main([*command, "--only", "float32,channels-50", "--resume", "--json"]) == 0
    again = msgspec.json.decode(capsys.readouterr().out, type=ComparisonTable)
    assert (out / "channels-50.tflite").stat().st_mtime_ns == built_ns
    assert [row.qualities for row in again.rows] == [row.qualities for row in first.rows]


def test_parallel_processes_write_the_files_of_a_single_one(
    checkpoint_file: Path, tmp_path: Path
) -> None:
    command = ["compress", str(checkpoint_file), "--pictures", "scenes:held-out:12", *FINE_TUNING]
    command += ["--only", "int8,dynamic,width-50", "--seeds", "1", "--threads", "1"]
    for jobs in ("1", "3"):
        assert main([*command, "--jobs", jobs, "--out", str(tmp_path / jobs)]) == 0
    for name in ("int8", "dynamic", "width-50"):
        serial, parallel = (tmp_path / jobs / f"{name}.tflite" for jobs in ("1", "3"))
        assert serial.read_bytes() == parallel.read_bytes()


def test_a_budget_that_nothing_meets_fails(
    checkpoint_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["compress", str(checkpoint_file), "--pictures", "scenes:held-out:12", *FINE_TUNING]
    command += ["--only", "dynamic", "--out", str(tmp_path), "--budget", "size<=1KB"]
    assert main(command) == 1
    last_line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "no row is within size<=1KB; dynamic comes nearest" in last_line
    assert not (tmp_path / "best.tflite").exists()


def test_factorize_writes_a_smaller_network(
    checkpoint_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "thin.npz"
    command = ["factorize", str(checkpoint_file), "--energy", "0.6", *FINE_TUNING, "--seed", "4"]
    with run_eagerly():
        assert main([*command, "--out", str(out), "--json"]) == 0
    result = msgspec.json.decode(capsys.readouterr().out)
    factorized = load_checkpoint(out)
    assert factorized.architecture.ranks
    assert result["parameters"] == factorized.count_parameters() < result["parameters_before"]
    origin = factorized.origin
    assert (origin.command, origin.seed, origin.steps) == ("factorize", 4, 2)
    assert origin.start == load_checkpoint(checkpoint_file).digest()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prune", "NO.npz", "--by", "weight", "--share", "0.5"], "cannot read NO.npz"),
        (["prune", "FILE", "--by", "channel", "--share", "0.01"], "nothing to prune"),
        (["factorize", "FILE", "--energy", "1"], "nothing to factorise"),
        (["cluster", "FILE", "--train-pictures", "scenes:train:5"], "too few to train on"),
        (["qat", "FILE", "--train-pictures", "/nowhere"], "/nowhere"),
        (["compress", "FILE", "--pictures", "/nowhere"], "/nowhere"),
        (["compress", "TEXT"], "is not a checkpoint"),
        (["compress", "net.keras", "--pictures", "p", "--train-on", "f.py:t"], "cannot read"),
        (["cluster", "FILE", *FINE_TUNING, "--out", "TEXT/below.npz"], "cannot write"),
    ],
)
def test_wrong_input_is_reported_in_one_line(
    arguments: list[str],
    message: str,
    checkpoint_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = tmp_path / "text.npz"
    text.write_text("no weights")
    paths = {"FILE": str(checkpoint_file), "TEXT": str(text), "TEXT/below.npz": f"{text}/below.npz"}
    if "--train-pictures" not in arguments:
        arguments = [*arguments, "--train-pictures", "scenes:train:20"]
    with run_eagerly():
        assert main([paths.get(argument, argument) for argument in arguments]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text.npz"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prune", "x.npz", "--by", "weight", "--share", "1.5"], "above 0 to 0.99"),
        (["prune", "x.npz", "--by", "weight", "--share", "0"], "above 0"),
        (["prune", "x.npz", "--by", "weight", "--share", "0.5", "--even"], "--by channel"),
        (["compress", "x.npz", "--only", "int8,magic"], "there is no technique 'magic'"),
        (["compress", "x.npz", "--budget", "size<5"], "is no limit"),
        (["cluster", "x.npz", "--clusters", "1"], "from 2"),
    ],
)
def test_usage_errors(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    assert exited.value.code == 2
    assert message in capsys.readouterr().err
