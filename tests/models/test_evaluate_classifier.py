"""``edged-models evaluate`` for classifiers: every figure equals one computed from the runtime's own scores by the plain formula."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from colour_classifier import LABELS, write_classifier, write_colours
from numpy.typing import NDArray
from pictures_on_disk import write_coco_folder, write_picture

from edged import bundled
from edged_models.cli.main import main
from support.data_files import data_file

DETECTOR = str(bundled.model_path())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classifier(tmp_path_factory.mktemp("models") / "colours.tflite")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colours(tmp_path_factory.mktemp("sets") / "colours", per_class=12)


def _score_all(model: Path, folder: Path) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return scores (N, 7) and true classes (N,), by the runtime alone, without edged."""
    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    (inlet,), (outlet,) = interpreter.get_input_details(), interpreter.get_output_details()
    scores, true = [], []
    for class_id, label in enumerate(LABELS):
        for path in sorted((folder / label).iterdir()):
            rgb = cv2.imread(str(path))[..., ::-1].astype(np.float32)
            interpreter.set_tensor(inlet["index"], (rgb[None] - 127.5) / 127.5)
            interpreter.invoke()
            scores.append(interpreter.get_tensor(outlet["index"])[0].copy())
            true.append(class_id)
    return np.array(scores), np.array(true)


def _evaluate(capsys: pytest.CaptureFixture[str], *args: object) -> dict[str, object]:
    assert main(["evaluate", *map(str, args), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("runtime", ["litert", "tflite"])
def test_every_figure_is_that_of_the_plain_formula(
    model: Path, folder: Path, capsys: pytest.CaptureFixture[str], runtime: str
) -> None:
    (figures,) = _evaluate(capsys, model, folder, "--runtime", runtime)["evaluations"]
    scores, true = _score_all(model, folder)
    best, order = scores.argmax(axis=1), np.argsort(-scores, axis=1)
    right = best == true
    assert 0.5 < right.mean() < 1
    assert figures["task"] == "classification"
    assert figures["pictures"] == len(true)
    assert figures["top1"] == right.mean()
    assert figures["top5"] == np.mean([t in row[:5] for t, row in zip(true, order, strict=True)])
    by_label = {one["label"]: one for one in figures["by_label"]}
    for class_id, label in enumerate(LABELS):
        own = by_label[label]
        assert own["precision"] == right[best == class_id].mean()
        assert own["recall"] == right[true == class_id].mean()
        assert own["count"] == 12
    counts = np.zeros((8, 8), int)
    for t, b in zip(true, best, strict=True):
        counts[sorted(LABELS).index(LABELS[t]), sorted(LABELS).index(LABELS[b])] += 1
    assert figures["confusion"]["labels"] == [*sorted(LABELS), "other"]
    assert figures["confusion"]["counts"] == counts.tolist()
    sure = scores.max(axis=1) >= 0.5
    assert figures["reported"] == sure.mean()
    assert figures["reported_accuracy"] == right[sure].mean()


def test_the_calibration_error_is_that_of_the_plain_formula(
    model: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (figures,) = _evaluate(capsys, model, folder)["evaluations"]
    scores, true = _score_all(model, folder)
    best = scores.max(axis=1).astype(float)
    right = scores.argmax(axis=1) == true
    total = 0.0
    for m in range(15):
        chosen = (best > m / 15) & (best <= (m + 1) / 15)
        if chosen.any():
            total += chosen.mean() * abs(best[chosen].mean() - right[chosen].mean())
    assert figures["calibration_error"] == pytest.approx(total, abs=1e-6)
    assert sum(one["count"] for one in figures["reliability"]) == len(true)


def test_the_tables_and_plots(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plots = [tmp_path / "curves.png", tmp_path / "confusion.png"]
    options = ["--curves", str(plots[0]), "--confusion", str(plots[1])]
    assert main(["evaluate", str(model), str(folder), *options]) == 0
    out = capsys.readouterr().out
    assert "top-1 0." in out
    assert "taken for" in out
    assert "best score" in out
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in plots)


def test_classes_of_only_one_side(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("red", "green", "blue", "yellow", "Light_Cyan", "purple", "snow")
    model = write_classifier(tmp_path / "other.tflite", labels=names)
    (figures,) = _evaluate(capsys, model, folder)["evaluations"]
    scores, true = _score_all(model, folder)
    known = true < 5
    assert figures["ignored_pictures"] == (~known).sum() == 24
    assert set(figures["unknown_to_model"]) == {"magenta", "white"}
    assert set(figures["not_in_pictures"]) == {"purple", "snow"}
    # Where a class that the pictures lack is the best, the model is wrong.
    assert figures["top1"] == (scores.argmax(axis=1) == true)[known].mean()
    other = [row[-1] for row in figures["confusion"]["counts"]]
    assert sum(other) == (scores.argmax(axis=1) >= 5)[known].sum() > 0


def _refused(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    assert main(["evaluate", *map(str, args)]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "edged-models" in line]
    assert len(lines) == 1
    return lines[0]


def test_model_and_pictures_of_different_kinds_are_refused(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_coco_folder(tmp_path / "coco")
    write_picture(tmp_path / "plain" / "a.png")
    assert "is a detector, and" in _refused(capsys, DETECTOR, folder)
    assert "has boxes: give a folder with a subfolder" in _refused(capsys, model, tmp_path / "coco")
    assert "has no labels" in _refused(capsys, model, tmp_path / "plain")
    other = write_colours(tmp_path / "colours", per_class=1)
    names = tuple(f"colour {i}" for i in range(7))
    unknown = write_classifier(tmp_path / "unknown.tflite", labels=names)
    assert "knows none of the pictures' labels" in _refused(capsys, unknown, other)


def test_a_real_classifier_on_real_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier = data_file("models/mobilenet_v1_0.25_128_quant.tflite")
    picture = data_file("images/cat_720p.jpg").read_bytes()
    for label in ("tiger cat", "Irish terrier"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "cat.jpg").write_bytes(picture)
    (figures,) = _evaluate(capsys, classifier, tmp_path, "--runtime", "litert")["evaluations"]
    assert (figures["top1"], figures["top5"]) == (0.5, 1.0)
    assert figures["reported"] == 0.0
    assert figures["reported_accuracy"] is None
