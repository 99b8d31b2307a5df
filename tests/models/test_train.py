"""Training: the same seed gives the same net, with or without an interruption; user pictures; invalid input."""

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edged.families.ssd_raw import make_anchors
from edged.marks import MARK_LABELS
from edged_models.cli.main import main
from edged_models.detector.architecture import Architecture
from edged_models.detector.checkpoint import load_checkpoint
from edged_models.detector.ground_truth import IGNORED, NO_BOX
from edged_models.detector.loss import DetectionLoss
from edged_models.errors import SourceError, ToolError
from edged_models.marks.photographs import Photographs
from edged_models.pictures.labelled import LabelledPicture
from edged_models.tensorflow import tf
from edged_models.training.initial_checkpoint import adapt_to_labels, create_fresh_checkpoint
from edged_models.training.journal import (
    EndReason,
    Keep,
    TrainingEnd,
    TrainingResumption,
    TrainingStart,
    TrainingStep,
    find_result_digest,
    read_journal,
)
from edged_models.training.length import TrainingLength
from edged_models.training.plan import TrainingPlan, Validate
from edged_models.training.sample_window import window_bounds, window_size
from edged_models.training.schedule import learning_rate_at, side_px_at
from edged_models.training.tensorboard import TensorBoardLog
from edged_models.training.train import TrainingOutcome, train
from edged_models.training.training_samples import (
    DrawnSampleSource,
    PictureSampleSource,
    stack_truths,
)

LABELS = ("red", "blue")


def _plan(seed: int = 3, **settings: Any) -> TrainingPlan:
    start = create_fresh_checkpoint(Architecture.of_width(MARK_LABELS, 0.25), side_px=64, seed=seed)
    samples = DrawnSampleSource(seed)
    plan = TrainingPlan(start=start, samples=samples, steps=6, seed=seed, rate=1e-3, sides_px=(64,))
    return replace(plan, **settings)


def _train(
    plan: TrainingPlan,
    out: Path,
    *,
    resume: bool = False,
    validate: Validate | None = None,
    stop_at: int | None = None,
) -> TrainingOutcome:
    """Train; with `stop_at` as if Ctrl-C were pressed after so many steps."""

    def on_step(done: int, _total: int, _note: str | None) -> None:
        if done == stop_at:
            raise KeyboardInterrupt

    return train(plan, out=out, resume=resume, validate=validate, on_step=on_step)


def test_a_resumed_training_gives_the_same_weights_as_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = _train(_plan(), tmp_path / "whole.npz", validate=lambda _: 0.5)
    out = tmp_path / "halved.npz"
    with pytest.raises(KeyboardInterrupt):
        _train(_plan(), out, stop_at=3)
    assert not out.exists()
    resumed = _train(_plan(), out, resume=True)
    assert resumed.checkpoint.digest() == whole.checkpoint.digest()
    assert whole.ap50 == 0.5
    assert load_checkpoint(out).origin.steps == 6
    assert not list(tmp_path.glob("*.state"))
    began, *lines = read_journal(out.with_suffix(".jsonl"))
    assert isinstance(began, TrainingStart)
    assert began.training_data == "scenes 2"
    assert [type(line) for line in lines] == [TrainingResumption, TrainingStep, TrainingEnd]
    assert lines[0].step == 3
    assert find_result_digest(lines) == lines[1].weights == resumed.checkpoint.digest()


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a complete training, net.npz."""
    folder = tmp_path_factory.mktemp("complete")
    _train(_plan(), folder / "net.npz")
    return folder


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an interrupted training, net.npz."""
    folder = tmp_path_factory.mktemp("interrupted")
    with pytest.raises(KeyboardInterrupt):
        _train(_plan(), folder / "net.npz", stop_at=2)
    return folder


def test_a_complete_training_is_not_repeated(complete: Path, tmp_path: Path) -> None:
    shutil.copytree(complete, tmp_path, dirs_exist_ok=True)
    out = tmp_path / "net.npz"
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    second = _train(_plan(), out, resume=True, stop_at=1)
    assert not second.is_new
    assert second.checkpoint.digest() == load_checkpoint(out).digest()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"steps": 8}, "--steps was 6, and is 8"),
        ({"rate": 2e-3}, "--rate was 0.001, and is 0.002"),
        ({"sides_px": (96, 64)}, "--sides was 64, and is 96 64"),
        ({"samples": DrawnSampleSource(3, Photographs(()))}, "the training data was"),
        ({"keep": Keep.BEST}, "--keep was last, and is best"),
        ({"limit_s": 60.0}, "--minutes was not set, and is 1.0"),
    ],
)
@pytest.mark.parametrize("is_complete", [False, True], ids=["interrupted", "complete"])
def test_a_training_with_other_settings_is_not_resumed(
    complete: Path,
    interrupted: Path,
    changed: dict[str, Any],
    difference: str,
    *,
    is_complete: bool,
) -> None:
    folder = complete if is_complete else interrupted
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(SourceError, match=difference):
        _train(_plan(**changed), folder / "net.npz", resume=True)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_best_weights_are_the_result_also_after_an_interruption(tmp_path: Path) -> None:
    figures = iter([0.3, 0.6, 0.2, 0.1, 0.4, 0.5])
    plan = _plan(validate_steps=1, keep=Keep.BEST)
    out = tmp_path / "net.npz"
    with pytest.raises(KeyboardInterrupt):
        _train(plan, out, validate=lambda _: next(figures), stop_at=4)
    outcome = _train(plan, out, resume=True, validate=lambda _: next(figures))
    assert (outcome.ap50, outcome.end.result_step, outcome.end.step) == (0.6, 2, 6)
    assert outcome.checkpoint.origin.steps == 2
    lines = read_journal(out.with_suffix(".jsonl"))
    steps = {line.step: line.weights for line in lines if isinstance(line, TrainingStep)}
    assert load_checkpoint(out).digest() == steps[2] == find_result_digest(lines)


def test_a_training_without_progress_ends_early(tmp_path: Path) -> None:
    figures = iter([0.3, 0.6, 0.2, 0.1, 0.9, 0.9])
    plan = _plan(validate_steps=1, keep=Keep.BEST, patience=2)
    outcome = _train(plan, tmp_path / "net.npz", validate=lambda _: next(figures))
    assert (outcome.end.step, outcome.end.result_step) == (4, 2)
    assert outcome.end.reason is EndReason.NO_IMPROVEMENT


def test_lines_that_were_written_after_the_saved_state_are_dropped(tmp_path: Path) -> None:
    out = tmp_path / "net.npz"
    plan = _plan(validate_steps=1)
    with pytest.raises(KeyboardInterrupt):
        _train(plan, out, validate=lambda _: 0.5, stop_at=2)
    state = out.with_suffix(".state").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        _train(plan, out, resume=True, validate=lambda _: 0.5, stop_at=5)
    out.with_suffix(".state").write_bytes(state)  # as after a power cut
    _train(plan, out, resume=True, validate=lambda _: 0.5)
    lines = read_journal(out.with_suffix(".jsonl"))
    steps = [line.step for line in lines if isinstance(line, TrainingStep)]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_the_numbers_go_to_tensorboard(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path / "logs")
    line = TrainingStep(
        step=5, cpu_s=1, total=2.5, box=1, score=1, iou=0.5, right=0.5, weights="x", ap50=0.25
    )
    log.write(line, rate=1e-3)
    (file,) = (tmp_path / "logs").iterdir()
    values = {
        value.tag: (event.step, float(tf.make_ndarray(value.tensor)))
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    }
    assert values["ap50"] == (5, 0.25)
    assert values["total"] == (5, 2.5)
    assert values["rate"] == (5, pytest.approx(1e-3))
    assert "weights" not in values


def test_tensorboard_logs_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = TrainingStep(step=5, cpu_s=1, total=2, box=1, score=1, iou=0, right=0, weights="x")
    with pytest.raises(ToolError, match="cannot write TensorBoard logs"):
        TensorBoardLog(tmp_path / "file").write(line, rate=1e-3)


def test_a_damaged_state_is_refused(interrupted: Path, tmp_path: Path) -> None:
    shutil.copytree(interrupted, tmp_path, dirs_exist_ok=True)
    (tmp_path / "net.state").write_bytes(b"PK nonsense")
    with pytest.raises(SourceError, match="damaged"):
        _train(_plan(), tmp_path / "net.npz", resume=True)


def test_samples_depend_only_on_seed_and_number() -> None:
    one, again, other = DrawnSampleSource(4)(7), DrawnSampleSource(4)(7), DrawnSampleSource(5)(7)
    assert np.array_equal(one.image, again.image)
    assert np.array_equal(one.truth, again.truth)
    assert not np.array_equal(one.image, other.image)


def test_the_window_only_moves_forward() -> None:
    assert [window_size(side_px) for side_px in (64, 320, 640, 1024)] == [1024, 1024, 273, 128]
    bounds = [window_bounds(step, 1024) for step in range(0, 5000, 50)]
    assert bounds[0][0] == 0
    assert all(a[0] <= b[0] and a[1] < b[1] for a, b in pairwise(bounds))
    assert all(end - begin <= 1024 for begin, end in bounds)


@pytest.mark.parametrize("side_px", [64, 640])
def test_pictures_are_learned_at_the_size_of_the_input_with_all_their_boxes(side_px: int) -> None:
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 0.8, (100, 2)).astype(np.float32)
    picture = LabelledPicture(
        name="crowded",
        image=rng.integers(0, 255, (640, 640, 3), np.uint8),
        boxes=np.hstack([corner, corner + 0.1]),
        classes=rng.integers(0, 2, 100, dtype=np.int32),
        crowd_boxes=np.array([[0.0, 0.5, 0.25, 1.0]], np.float32),
        crowd_classes=np.array([1], np.int32),
    )
    sample = PictureSampleSource([picture], side_px=side_px)(0)
    assert sample.image.shape == (side_px, side_px, 3)
    assert side_px != 640 or np.array_equal(sample.image, picture.image)
    assert sample.truth.shape == (101, 5)
    assert np.allclose(sample.truth[:100, :4], picture.boxes * side_px)
    assert sample.truth[100].tolist() == [0, side_px / 2, side_px / 4, side_px, IGNORED]
    few = np.zeros((3, 5), np.float32)
    stacked = stack_truths([sample.truth, few])
    assert stacked.shape == (2, 128, 5)
    assert (stacked[1, 3:] == NO_BOX).all()
    assert stack_truths([few]).shape == (1, 8, 5)


def test_an_area_to_ignore_is_neither_an_object_nor_background() -> None:
    loss = DetectionLoss(side_px=64, label_count=2)
    cells = len(make_anchors(64, 64))
    codes = tf.zeros((1, cells, 4))
    scores = tf.fill((1, cells, 2), 0.5)
    area = [0.0, 0.0, 64.0, 32.0]

    def compute(*rows: list[float]) -> float:
        return float(loss(tf.constant([rows], tf.float32), codes, scores).score)

    unused = [0.0, 0.0, 0.0, 0.0, NO_BOX]
    background = compute(unused, unused)
    assert compute([*area, IGNORED], unused) == pytest.approx(background / 2, rel=0.01)
    assert compute([0.0, 0.0, 64.0, 64.0, IGNORED], unused) == 0.0
    # An object within the area still counts.
    thing = [8.0, 8.0, 24.0, 24.0, 1.0]
    assert compute([0.0, 0.0, 64.0, 64.0, IGNORED], thing) > 0


class _Clock:
    """A clock that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize("estimate", [5, 400, 100_000])
@pytest.mark.parametrize("step_s", [0.05, 0.4])
@pytest.mark.parametrize("spent_s", [0.0, 130.0])
def test_a_time_limit_holds_whatever_the_first_estimate(
    estimate: int, step_s: float, spent_s: float
) -> None:
    clock, rng = _Clock(), np.random.default_rng(1)
    length = TrainingLength(estimate, limit_s=300.0, spent_s=spent_s, clock=clock)
    done, rates = 0, []
    clock.now_s += 12.0  # compiling
    while done < length.steps:
        # A slower machine in the second half, and a validation every 100 steps.
        slow = 1.5 if length.spent_s > 200 else 1.0
        clock.now_s += step_s * slow * rng.uniform(0.8, 1.2)
        done += 1
        length.update(done)
        rates.append(learning_rate_at(done, steps=length.steps, max_rate=1.0))
        if done % 100 == 0:
            clock.now_s += 4.0
            length.reserve(4.0)
    clock.now_s += 4.0
    assert length.spent_s == pytest.approx(300.0, rel=0.05)
    assert rates[-1] < 0.02


def test_a_fixed_number_of_steps_is_kept() -> None:
    clock = _Clock()
    length = TrainingLength(50, limit_s=None, spent_s=0.0, clock=clock)
    clock.now_s += 1e6
    length.update(10)
    assert length.steps == 50


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
