"""A complete training: samples in, a checkpoint out, with a journal beside it."""

import platform
import time
from dataclasses import dataclass
from pathlib import Path

from edged_models.detector.checkpoint import Checkpoint, load_checkpoint
from edged_models.tensorflow import tf
from edged_models.training.journal import TrainingEnd, TrainingStart
from edged_models.training.plan import TrainingPlan, TrainingProgress, Validate
from edged_models.training.resumption import check_same_training
from edged_models.training.sample_window import SampleWindow
from edged_models.training.tensorboard import TensorBoardLog
from edged_models.training.training_run import TrainingRun


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """The result of a training.

    Attributes:
        checkpoint: the averaged net.
        ap50: its AP50 on the validation pictures; None without validation.
        end: the last line of the journal.
        is_new: false if an earlier run with the same settings was complete already.
    """

    checkpoint: Checkpoint
    ap50: float | None
    end: TrainingEnd
    is_new: bool = True


def train(
    plan: TrainingPlan,
    *,
    out: Path,
    resume: bool,
    validate: Validate | None,
    on_step: TrainingProgress,
    log: TensorBoardLog | None = None,
    began_s: float | None = None,
) -> TrainingOutcome:
    """Train, and write the checkpoint with its journal beside it; the state is kept there until the training is complete.

    Args:
        plan: the settings.
        out: path of the checkpoint.
        resume: true to resume from the state beside `out`, if there is one; a training that is complete is not repeated.
        validate: returns the AP50 of the averaged net; None for no validation.
        on_step: called after each step.
        log: receives the numbers of the journal; None for no such log.
        began_s: reading of `time.monotonic` at which the time of `plan.limit_s` began; now if None.

    Raises:
        SourceError: the state is of a training with other settings, or damaged.
        PicturesError: a picture cannot be read.
        ToolError: a file cannot be written.
    """
    settings = _build_start_line(plan)
    if resume and (complete := _find_complete(out, settings)):
        return complete
    used_s = 0.0 if began_s is None else time.monotonic() - began_s
    run = TrainingRun(plan, settings, out, log, resume=resume, used_s=used_s)
    with SampleWindow(plan.samples, seed=plan.seed, processes=plan.processes) as window:
        end = run.run(window, validate, on_step)
    checkpoint = run.build_result()
    checkpoint.save(out)
    run.state_path.unlink(missing_ok=True)
    return TrainingOutcome(checkpoint, end.ap50, end)


def _build_start_line(plan: TrainingPlan) -> TrainingStart:
    return TrainingStart(
        seed=plan.seed,
        steps=plan.steps,
        minutes=plan.limit_s / 60 if plan.limit_s else None,
        rate=plan.rate,
        sides_px=plan.sides_px,
        training_data=plan.samples.digest(),
        start=plan.start.digest(),
        parameters=plan.start.count_parameters(),
        tensorflow=tf.__version__,
        machine=platform.machine(),
        validation_data=plan.validation_data,
        keep=plan.keep,
    )


def _find_complete(out: Path, settings: TrainingStart) -> TrainingOutcome | None:
    """Return the result of an earlier run with the same settings; None if there is none, or it was interrupted."""
    journal = out.with_suffix(".jsonl")
    if out.with_suffix(".state").exists() or not (out.exists() and journal.exists()):
        return None
    last = check_same_training(journal, settings)[-1]
    if not isinstance(last, TrainingEnd):
        return None
    checkpoint = load_checkpoint(out)
    if checkpoint.digest() != last.weights:
        return None
    return TrainingOutcome(checkpoint, last.ap50, last, is_new=False)
