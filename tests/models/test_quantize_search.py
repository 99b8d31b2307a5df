"""The sensitivity table, the search for layers to keep, and the comparison of engines."""

import json
from pathlib import Path

import mixed_head
import numpy as np
import pytest
from foreign import yolo_head

from edged.errors import ModelError
from edged.marks import MARK_LABELS
from edged_models.cli.main import main
from edged_models.conversion.convert import convert
from edged_models.conversion.kinds.keras_file import network_source
from edged_models.conversion.metadata import attach_metadata
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.errors import SourceError
from edged_models.evaluation.evaluate import evaluate
from edged_models.pictures.open_pictures import open_pictures
from edged_models.quantization.comparison import EngineResult, choose_best
from edged_models.quantization.judge import PictureJudge, score_or_zero
from edged_models.quantization.output_error import OutputReference
from edged_models.quantization.runtime_trial import TrialResult
from edged_models.quantization.search import find_layers_to_keep
from edged_models.quantization.sensitivity import LayerSensitivity, SensitivityTable
from edged_models.tensorflow import keras, layers

INT8 = ["--scheme", "int8", "--calibrate", "scenes:train:24"]


@pytest.fixture(scope="module")
def mixed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mixed") / "mixed.tflite"
    path.write_bytes(convert(network_source(mixed_head.build(), name="mixed")))
    return path


def run_command(capsys: pytest.CaptureFixture[str], *args: str | Path) -> dict:  # type: ignore[type-arg]
    options = ["--mean", "0", "--std", "255", "--json"]
    assert main(["quantize", *map(str, args), *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_table_names_the_layer_that_ruins_the_model(
    mixed_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = run_command(capsys, mixed_file, *INT8, "--sensitivity")
    assert table["error"] > 0.5
    assert table["pictures"] == 12
    worst, *others = table["layers"]
    assert worst["op"] == "CONCATENATION"
    assert worst["error_alone"] > 0.5
    convolutions = [row for row in others if row["op"] == "CONV_2D"]
    assert len(convolutions) == 4
    assert max(row["bytes_added"] for row in convolutions) > 16 * 12 * 9 * 2, "three bytes a weight"
    assert not list(mixed_file.parent.glob("*int8*")), "no model is written"


@pytest.mark.parametrize("keep", ["float", "int16"])
def test_auto_keeps_few_layers(
    mixed_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], keep: str
) -> None:
    out = tmp_path / "auto.tflite"
    result = run_command(capsys, mixed_file, *INT8, "--auto", "--auto-keep", keep, "--out", out)
    auto = result["auto"]
    assert auto["kept_as"] == keep
    assert "join" in auto["kept"]
    assert len(auto["kept"]) <= 2
    assert auto["trials"][0]["loss"] > 0.5
    assert auto["loss"] <= auto["max_loss"] == 0.05
    assert out.stat().st_size == result["written"]["bytes"] < 1.15 * auto["trials"][0]["bytes"]
    again = tmp_path / "again.tflite"
    run_command(capsys, mixed_file, *INT8, "--auto", "--auto-keep", keep, "--out", again)
    assert again.read_bytes() == out.read_bytes()


def test_a_bound_that_no_choice_holds_is_refused(
    mixed_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "none.tflite"
    options = [*INT8, "--auto", "--max-loss", "0", "--mean", "0", "--std", "255"]
    assert main(["quantize", str(mixed_file), *options, "--out", str(out)]) == 1
    assert "no choice of layers holds a loss of 0: the least is" in capsys.readouterr().err
    assert not out.exists()


def test_best_compares_the_engines(
    mixed_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "best.tflite"
    best_engine = ["--engine", "best", "--accept-loss"]
    result = run_command(capsys, mixed_file, *INT8, *best_engine, "--out", out)
    engines = {one["engine"]: one for one in result["engines"]}
    assert engines.keys() == {"tensorflow", "ai-edge"}
    assert sum(one["is_best"] for one in engines.values()) == 1
    for one in engines.values():
        assert all(trial["latency_ms"] > 0 for trial in one["runtimes"].values())
    (best,) = (one for one in engines.values() if one["is_best"])
    assert best["bytes"] == out.stat().st_size


def test_best_says_what_an_engine_refuses(
    mixed_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "best.tflite"
    result = run_command(capsys, mixed_file, "--scheme", "int4", "--engine", "best", "--out", out)
    chosen, refused = result["engines"]
    assert (chosen["engine"], chosen["is_best"]) == ("ai-edge", True)
    assert "no weights of 4 bits" in refused["refusal"]


def test_the_better_engine_runs_on_more_runtimes_then_errs_less_then_is_smaller() -> None:
    runs, fails = TrialResult(latency_ms=1.0), TrialResult(problem="refused")

    def result(engine: str, error: float, size: int, older: TrialResult = runs) -> EngineResult:
        return EngineResult(
            engine=engine, error=error, bytes=size, runtimes={"litert": runs, "tflite": older}
        )

    exact, small = result("exact", 0.010, 900), result("small", 0.0101, 800)
    coarse, new = result("coarse", 0.02, 100), result("new", 0.001, 100, fails)
    assert choose_best([exact, small, coarse, new]) is small
    assert choose_best([exact, coarse]) is exact
    assert choose_best([coarse, new]) is coarse


def test_the_search_drops_the_costly_layer_that_is_not_needed() -> None:
    errors = {"a": 0.5, "b": 0.4, "c": 0.3, "d": 0.0}
    sizes = {"a": 10, "b": 4000, "c": 20, "d": 1}
    rows = [
        LayerSensitivity(
            layer=name,
            op="CONV_2D",
            error_alone=error,
            error_without=0.0,
            bytes_added=sizes[name],
            ms_added=0.0,
        )
        for name, error in errors.items()
    ]
    table = SensitivityTable(error=1.0, bytes=0, ms=0.0, pictures=1, layers=tuple(rows))
    built: list[frozenset[str]] = []

    def build(kept: frozenset[str]) -> bytes:
        built.append(kept)
        return ",".join(sorted(kept)).encode()

    def judge(model: bytes) -> float:
        return 0.0 if {"a", "c"} <= set(model.decode().split(",")) else 1.0

    found = find_layers_to_keep(table, build, judge, max_loss=0.1)
    assert found.kept == {"a", "c"}
    assert len(built) == len(set(built)), "each choice is built once"
    with pytest.raises(SourceError, match="no choice of layers"):
        find_layers_to_keep(table, build, lambda _: 1.0, max_loss=0.1)


def test_the_error_of_small_values_counts_as_that_of_large_ones() -> None:
    image = layers.Input((4, 4, 1), batch_size=1)
    exact = keras.Model(image, layers.Concatenate(axis=-1)([image * 1000.0, image]))
    ruined = keras.Model(image, layers.Concatenate(axis=-1)([image * 1000.0, image * 0.0]))
    sample = [np.full((1, 4, 4, 1), value, np.float32) for value in (0.3, 0.9)]
    models = [convert(network_source(net, name="net")) for net in (exact, ruined)]
    reference = OutputReference.of(models[0], sample)
    assert reference.measure(models[0]).error == 0.0
    assert reference.measure(models[1]).error == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sensitivity", "--auto"], "--sensitivity writes no model"),
        (["--max-loss", "0.1"], "are for --auto"),
        (["--auto", "--engine", "best"], "work with one engine"),
        (["--auto", "--max-loss", "2"], "a number from 0 to 1"),
    ],
)
def test_options_that_exclude_each_other_are_usage_errors(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        main(["quantize", "model.npz", *INT8, *options])
    assert exited.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.campaign
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("engine", ["tensorflow", "ai-edge"])
def test_auto_saves_a_trained_yolo_head(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    source, pictures = tmp_path / "yolo.tflite", "scenes:held-out:300"
    source.write_bytes(convert(network_source(yolo_head.trained(), name="yolo")))
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(MARK_LABELS))
    base = [source, "--scheme", "int8", "--calibrate", "scenes:train:100", "--engine", engine]
    base += ["--labels", labels]
    plain, saved = tmp_path / "plain.tflite", tmp_path / "saved.tflite"
    run_command(capsys, *base, "--out", plain)
    # The search judges by other pictures than this test.
    run_command(capsys, *base, "--auto", "--judge", "scenes:train:200", "--out", saved)
    exact, ruined, found = (
        evaluate(path, open_pictures(pictures), labels_file=labels).ap
        for path in (source, plain, saved)
    )
    assert exact > 0.15
    assert ruined < exact - 0.04
    assert found >= exact - 0.01
    assert saved.stat().st_size <= 1.15 * plain.stat().st_size


def test_a_candidate_that_the_daemon_refuses_scores_nothing_and_stops_no_search(
    mixed_file: Path,
) -> None:
    refused = attach_metadata(mixed_file.read_bytes(), ModelMetadata(labels=("one",)))
    judge = PictureJudge(pictures=open_pictures("scenes:held-out:2"))
    with pytest.raises(ModelError):
        judge.score(refused)
    assert score_or_zero(judge, refused) == 0.0
