"""``edged-models evaluate --compare``: the interval is that of resampled sets which pycocotools judges, and the verdict follows from it."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from colour_classifier import write_classifier, write_colours
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edged import bundled
from edged.types import Detections
from edged_models import bundled as models
from edged_models.cli.main import main
from edged_models.evaluation.average_precision import compute_precisions
from edged_models.evaluation.class_matches import mean_average_precision
from edged_models.evaluation.picture_result import PictureResult

MODEL = str(bundled.model_path())
FAST = str(models.FOLDER / "marks-fast.tflite")


def _draw_results(count: int, *, seed: int) -> list[PictureResult]:
    """Draw detections around objects of two classes, with different scores, and some crowds."""
    rng = np.random.default_rng(seed)
    results = []
    for _ in range(count):
        corners = rng.uniform(0, 0.8, (3, 2))
        true = np.hstack([corners, corners + rng.uniform(0.05, 0.2, (3, 2))]).astype(np.float32)
        found = true + rng.normal(0, 0.012, true.shape).astype(np.float32)
        classes = rng.integers(0, 2, 3).astype(np.int32)
        is_crowd = rng.random(3) < 0.2
        results.append(
            PictureResult(
                detections=Detections(
                    found,
                    np.sort(rng.random(3))[::-1].astype(np.float32),
                    np.where(rng.random(3) < 0.8, classes, 1 - classes).astype(np.int32),
                ),
                true_boxes=true[~is_crowd],
                true_class_ids=classes[~is_crowd],
                crowd_boxes=true[is_crowd],
                crowd_class_ids=classes[is_crowd],
                is_empty=False,
                size_px=(320.0, 320.0),
            )
        )
    return results


def _average_precision_of_copies(results: list[PictureResult], weights: np.ndarray) -> float:
    """Return what pycocotools gives for a set in which each picture occurs as often as its weight says."""
    drawn = [one for one, weight in zip(results, weights, strict=True) for _ in range(weight)]
    truth, found = [], []
    for image_id, one in enumerate(drawn):
        scale = np.tile(one.size_px, 2)
        for boxes, classes, is_crowd in (
            (one.true_boxes, one.true_class_ids, 0),
            (one.crowd_boxes, one.crowd_class_ids, 1),
        ):
            for x1, y1, x2, y2, c in np.column_stack([boxes * scale, classes]).tolist():
                box = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
                truth.append({"id": len(truth) + 1, "image_id": image_id, "category_id": int(c), "iscrowd": is_crowd, **box})  # fmt: skip
        rows = np.column_stack(
            [one.detections.boxes * scale, one.detections.class_ids, one.detections.scores]
        )
        found += [
            {
                "image_id": image_id,
                "category_id": int(c),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "score": score,
            }
            for x1, y1, x2, y2, c, score in rows.tolist()
        ]
    with redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(len(drawn))],
            "categories": [{"id": 0}, {"id": 1}],
            "annotations": truth,
        }
        coco.createIndex()
        judged = COCOeval(coco, coco.loadRes(found), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return float(judged.stats[0])


def test_weighted_average_precision_is_that_of_a_set_with_copies() -> None:
    results = _draw_results(12, seed=4)
    matches = compute_precisions(results, 2).matches
    rng = np.random.default_rng(1)
    for _ in range(20):
        weights = rng.multinomial(12, np.full(12, 1 / 12))
        expected = _average_precision_of_copies(results, weights)
        assert mean_average_precision(matches, weights) == pytest.approx(expected, abs=1e-12)


def test_the_mean_over_resamples_without_objects_is_none() -> None:
    results = _draw_results(3, seed=4)
    matches = compute_precisions(results, 2).matches
    assert mean_average_precision(matches, np.zeros(3, np.int64)) is None


def _compare(capsys: pytest.CaptureFixture[str], *args: object) -> dict[str, object]:
    assert main(["evaluate", *map(str, args), "--compare", "--json"]) == 0
    (comparison,) = json.loads(capsys.readouterr().out)["comparisons"]
    return comparison


def test_a_model_is_not_distinguishable_from_itself(capsys: pytest.CaptureFixture[str]) -> None:
    comparison = _compare(capsys, MODEL, MODEL, "scenes:held-out:6", "--resamples", 100)
    assert (comparison["low"], comparison["high"]) == (0.0, 0.0)
    assert comparison["verdict"] == "not distinguishable"


def test_a_clearly_worse_detector_is_said_to_be_worse_and_the_other_better(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pictures = "scenes:held-out:30"
    worse = _compare(capsys, MODEL, FAST, pictures, "--resamples", 200)
    better = _compare(capsys, FAST, MODEL, pictures, "--resamples", 200)
    assert (worse["verdict"], better["verdict"]) == ("worse", "better")
    assert worse["high"] < 0 < better["low"]
    assert worse["low"] <= worse["difference"] <= worse["high"]
    assert better["difference"] == -worse["difference"]


def test_the_comparison_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["scenes:held-out:4", "--compare", "--resamples", "100"]
    assert main(["evaluate", MODEL, MODEL, FAST, *options]) == 0
    first, second = [line for line in capsys.readouterr().out.splitlines() if "95 %" in line]
    assert f"is not distinguishable from {MODEL}: AP " in first
    assert "difference +0.000 (+0.000 to +0.000 with 95 % confidence" in first
    assert second.startswith(FAST)
    assert "100 resamples of 4 pictures, seed 0)" in second


def test_the_accuracy_of_classifiers_is_compared_by_the_plain_bootstrap(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_colours(tmp_path / "colours", per_class=10)
    good = write_classifier(tmp_path / "good.tflite")
    bad = write_classifier(tmp_path / "bad.tflite", damage=1.0)
    comparison = _compare(capsys, good, bad, folder, "--resamples", 2000, "--seed", 7)
    assert comparison["metric"] == "top-1"
    assert comparison["verdict"] == "worse"
    assert main(["evaluate", str(good), str(bad), str(folder), "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["evaluations"]
    assert comparison["difference"] == second["top1"] - first["top1"]
    # The standard error of a mean of paired differences, by the formula; the interval is about four of them wide.
    by_hand = _standard_error(good, bad, folder)
    assert comparison["high"] - comparison["low"] == pytest.approx(3.92 * by_hand, rel=0.15)


def _standard_error(good: Path, bad: Path, folder: Path) -> float:
    from edged_models.evaluation.evaluate_classifier import evaluate_classifiers
    from edged_models.evaluation.evaluated_model import EvaluatedModel
    from edged_models.pictures.open_pictures import open_pictures

    with EvaluatedModel(good) as first, EvaluatedModel(bad) as second:
        before, after = evaluate_classifiers([first, second], open_pictures(str(folder)))
    pairs = zip(before.answers, after.answers, strict=True)
    gaps = np.array([float(b.is_right) - float(a.is_right) for a, b in pairs])
    return float(gaps.std(ddof=1) / np.sqrt(len(gaps)))


def test_a_seed_gives_the_same_interval_again(capsys: pytest.CaptureFixture[str]) -> None:
    args = (MODEL, FAST, "scenes:held-out:5", "--resamples", 100)
    first = _compare(capsys, *args, "--seed", 3)
    assert first == _compare(capsys, *args, "--seed", 3)
    assert first != _compare(capsys, *args, "--seed", 4)


def test_models_with_different_classes_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_colours(tmp_path / "colours", per_class=1)
    all_known = write_classifier(tmp_path / "a.tflite")
    names = ("red", "green", "blue", "yellow", "cyan?", "purple", "snow")
    some = write_classifier(tmp_path / "b.tflite", labels=names)
    assert main(["evaluate", str(all_known), str(some), str(folder), "--compare"]) == 1
    assert "know different classes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args", [[MODEL, "scenes:hard:1", "--compare"], [MODEL, MODEL, "x", "--gallery", "a.html"]]
)
def test_wrong_use_of_compare(args: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *args])
    assert ended.value.code == 2
