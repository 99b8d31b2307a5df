"""Training: the same seed gives the same net, with or without an interruption; user pictures; invalid input."""

import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edged.marks import MARK_LABELS
from edged_models.cli.main import main
from edged_models.detector.architecture import Architecture
from edged_models.detector.checkpoint import load_checkpoint
from edged_models.errors import SourceError
from edged_models.training.initial_checkpoint import adapt_to_labels, create_fresh_checkpoint
from edged_models.training.journal import TrainingStart, TrainingStep, read_journal
from edged_models.training.sample_window import window_bounds
from edged_models.training.schedule import learning_rate_at, side_px_at
from edged_models.training.train import TrainingPlan, train
from edged_models.training.training_samples import DrawnSampleSource

LABELS = ("red", "blue")


def _plan(seed: int = 3) -> TrainingPlan:
    start = create_fresh_checkpoint(Architecture.of_width(MARK_LABELS, 0.25), side_px=64, seed=seed)
    return TrainingPlan(
        start=start, samples=DrawnSampleSource(seed), steps=6, seed=seed, rate=1e-3, sides_px=(64,)
    )


def test_a_resumed_training_gives_the_same_weights_as_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = train(
        _plan(),
        out=tmp_path / "whole.npz",
        resume=False,
        validate=lambda _: 0.5,
        on_step=lambda *_: None,
    )

    def stop(done: int, _: str | None) -> None:
        if done == 3:
            raise KeyboardInterrupt

    out = tmp_path / "halved.npz"
    with pytest.raises(KeyboardInterrupt):
        train(_plan(), out=out, resume=False, validate=None, on_step=stop)
    assert not out.exists()
    resumed = train(_plan(), out=out, resume=True, validate=None, on_step=lambda *_: None)
    assert resumed.checkpoint.digest() == whole.checkpoint.digest()
    assert whole.ap50 == 0.5
    assert load_checkpoint(out).origin.steps == 6
    assert not list(tmp_path.glob("*.state"))
    began, *lines = read_journal(out.with_suffix(".jsonl"))
    assert isinstance(began, TrainingStart)
    assert began.training_data == "scenes 2"
    assert isinstance(lines[-1], TrainingStep)
    assert lines[-1].weights == resumed.checkpoint.digest()


def test_a_state_of_another_net_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.state").write_bytes(b"PK nonsense")
    with pytest.raises(SourceError, match="damaged"):
        train(
            _plan(), out=tmp_path / "net.npz", resume=True, validate=None, on_step=lambda *_: None
        )


def test_samples_depend_only_on_seed_and_number() -> None:
    one, again, other = DrawnSampleSource(4)(7), DrawnSampleSource(4)(7), DrawnSampleSource(5)(7)
    assert np.array_equal(one.image, again.image)
    assert np.array_equal(one.truth, again.truth)
    assert not np.array_equal(one.image, other.image)


def test_the_window_only_moves_forward() -> None:
    bounds = [window_bounds(step) for step in range(0, 5000, 50)]
    assert bounds[0][0] == 0
    assert all(a[0] <= b[0] and a[1] < b[1] for a, b in pairwise(bounds))
    assert all(end - begin <= 1024 for begin, end in bounds)


def test_the_rate_warms_up_and_falls_to_almost_zero() -> None:
    rates = [learning_rate_at(step, steps=1000, max_rate=1.0) for step in range(1000)]
    assert rates[0] < 0.02
    assert max(rates) > 0.95
    assert rates[-1] < 0.01


def test_half_of_the_batches_have_the_first_size() -> None:
    sides = [side_px_at(step, sides_px=(320, 256, 192), seed=1) for step in range(2000)]
    assert 900 < sides.count(320) < 1100
    assert 400 < sides.count(192) < 600


def test_other_labels_keep_the_backbone() -> None:
    trained = create_fresh_checkpoint(Architecture.of_width(LABELS, 0.25), side_px=64, seed=1)
    other = adapt_to_labels(trained, ("cat", "dog", "cow"), seed=2)
    assert other.architecture.labels == ("cat", "dog", "cow")
    assert np.array_equal(other.weights["stem/kernel"], trained.weights["stem/kernel"])
    assert other.weights["head8_score/kernel"].shape[-1] == 3


def _write_pictures(folder: Path, count: int) -> Path:
    """Write pictures of red and blue discs on grey, with annotations in the COCO format."""
    rng = np.random.default_rng(1)
    images, annotations = [], []
    for number in range(count):
        picture = np.full((96, 128, 3), 120, np.uint8)
        kind = number % 2
        x, y = (int(v) for v in rng.integers(25, 70, 2))
        cv2.circle(picture, (x, y), 20, ((0, 0, 220), (220, 0, 0))[kind], -1)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        images.append({"id": number, "file_name": f"{number}.png", "width": 128, "height": 96})
        box = [x - 20, y - 20, 40, 40]
        annotations.append({"id": number, "image_id": number, "category_id": kind + 1, "bbox": box})
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(LABELS)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


def test_the_command_trains_on_user_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "own.npz"
    pictures = _write_pictures(tmp_path, 20)
    arguments = ["--pictures", str(pictures), "--steps", "3", "--sides", "64", "--json"]
    assert main(["train", *arguments, "--width", "0.25", "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 3
    trained = load_checkpoint(out)
    assert trained.architecture.labels == LABELS
    assert trained.origin.training_data.startswith("pictures ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pictures", "/nowhere"], "/nowhere"),
        (["--start", "/nowhere.npz"], "/nowhere.npz"),
        (["--without-marks", "/nowhere"], "no pictures in /nowhere"),
        (["--out", "/proc/no/such.npz"], "/proc/no"),
    ],
)
def test_bad_input_is_one_clear_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--steps", "2", "--sides", "64", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_too_few_pictures_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = _write_pictures(tmp_path, 6)
    assert main(["train", "--steps", "2", "--pictures", str(pictures)]) == 1
    assert "6 pictures" in capsys.readouterr().err
