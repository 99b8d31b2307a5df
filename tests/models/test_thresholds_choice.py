"""``edged-models evaluate --thresholds-for``: the lowest threshold that keeps the rate, its recall, and what the daemon reads."""

import json
import re
from pathlib import Path

import pytest
from colour_classifier import LABELS, write_classifier, write_colours

from edged import bundled
from edged.model.file.metadata import read_metadata
from edged_models import bundled as models
from edged_models.cli.main import main
from edged_models.conversion.thresholds import attach_thresholds
from edged_models.evaluation.evaluate_classifier import evaluate_classifiers
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.evaluation.threshold_choice import choose_thresholds
from edged_models.pictures.open_pictures import open_pictures

MODEL = str(bundled.model_path())
FAST = models.FOLDER / "marks-fast.tflite"


def test_a_detector_keeps_the_rate_and_no_lower_threshold_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pictures = "scenes:hard:40"
    assert main(["evaluate", str(FAST), pictures, "--thresholds-for", "0", "--json"]) == 0
    chosen = json.loads(capsys.readouterr().out)["thresholds"]
    raised = [one for one in chosen if one["threshold"] > 0.5]
    assert raised
    found = _detect_by_hand(pictures)
    for one in chosen:
        alarms = [s for label, s, shows in found["detections"] if label == one["label"] and not shows]  # fmt: skip
        assert sum(s >= one["threshold"] for s in alarms) == one["false_alarms"] == 0
        assert one["pictures_without"] == found["without"][one["label"]]
        if one in raised:
            assert any(s >= one["threshold"] - 1e-4 for s in alarms)
            assert one["recall"] is None or one["recall"] <= one["default_recall"]


def _detect_by_hand(spec: str) -> dict[str, object]:
    """Return each detection as label, score, and whether its picture shows the class; and the pictures without each class."""
    detections, without = [], {}
    pictures = open_pictures(spec)
    with EvaluatedModel(FAST) as model:
        for picture in pictures:
            shown = {pictures.labels[i] for i in picture.classes.tolist()}
            found, _ = model.detect(picture, min_score=0.3)
            for class_id, score in zip(found.class_ids, found.scores, strict=True):
                label = model.labels[class_id]
                detections.append((label, float(score), label in shown))
            for label in pictures.labels:
                without[label] = without.get(label, 0) + (label not in shown)
    return {"detections": detections, "without": without}


def test_a_classifier_keeps_the_rate_and_no_lower_threshold_does(tmp_path: Path) -> None:
    model = write_classifier(tmp_path / "colours.tflite")
    folder = write_colours(tmp_path / "colours", per_class=12)
    with EvaluatedModel(model) as opened:
        (result,) = evaluate_classifiers([opened], open_pictures(str(folder)))
    rate = 20.0  # of 72 pictures of other classes one
    for one in choose_thresholds(result, rate):
        index = result.mapping.labels.index(one.label)
        best = [a for a in result.answers if a.ranked[0] == index]
        alarms = sorted((float(a.scores[0]) for a in best if a.true_id != index), reverse=True)
        hits = [float(a.scores[0]) for a in best if a.true_id == index]
        assert one.pictures_without == 72
        assert one.false_alarms == sum(s >= one.threshold for s in alarms) <= 1
        assert one.recall == sum(s >= one.threshold for s in hits) / 12
        if one.threshold > 0.5:
            assert sum(s >= one.threshold - 2e-4 for s in alarms) == 2


def test_the_thresholds_are_written_under_the_models_own_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tuple(label.upper().replace(" ", "_") for label in LABELS)
    model = write_classifier(tmp_path / "colours.tflite", labels=names)
    model.write_bytes(attach_thresholds(model.read_bytes(), {"GREEN": 0.55, "RED": 0.99}))
    folder = write_colours(tmp_path / "colours", per_class=12)
    (folder / "red").rename(tmp_path / "elsewhere")
    out = tmp_path / "raised.tflite"
    args = ["evaluate", str(model), str(folder), "--thresholds-for", "20"]
    assert main([*args, "--write-thresholds", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    chosen = {one["label"].upper().replace(" ", "_"): one["threshold"] for one in result["thresholds"]}  # fmt: skip
    assert set(chosen) == set(names) - {"RED"}
    # That of a class that the pictures lack is kept.
    assert read_metadata(out).thresholds == {"RED": 0.99, **chosen}
    assert read_metadata(out).labels == names
    first = out.read_bytes()
    assert main(["evaluate", str(out), str(folder), "--thresholds-for", "20", "--write-thresholds", str(out)]) == 0  # fmt: skip
    assert out.read_bytes() == first
    text = capsys.readouterr().out
    assert "at most 20 false alarms of a class per 1000 pictures that do not show it" in text
    assert f"wrote {out}" in text


def test_a_class_that_no_threshold_keeps_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_colours(tmp_path / "colours", per_class=3)
    (folder / "red" / "red-00.png").rename(folder / "green" / "wrong.png")
    sure = write_classifier(tmp_path / "sure.tflite", gain=200.0)
    out = tmp_path / "out.tflite"
    args = ["evaluate", str(sure), str(folder), "--thresholds-for", "0"]
    assert main(args) == 0
    assert " none " in capsys.readouterr().out
    assert main([*args, "--write-thresholds", str(out)]) == 1
    assert re.search(
        r"no threshold keeps [a-z, ]*\bred\b[a-z, ]* to 0 false alarms", capsys.readouterr().err
    )
    assert not out.exists()


def test_a_set_that_is_too_small_for_the_rate_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", MODEL, "scenes:held-out:6", "--thresholds-for", "1"]) == 0
    assert "pictures are too few to show that rate" in capsys.readouterr().out


def test_writing_needs_a_rate() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", MODEL, "scenes:hard:1", "--write-thresholds", "a.tflite"])
    assert ended.value.code == 2
