"""A complete training: samples in, a checkpoint out, with a journal beside it."""

import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edged_models.detector.checkpoint import Checkpoint, Origin
from edged_models.detector.weights import list_weight_names, restore_net
from edged_models.tensorflow import keras, tf
from edged_models.training import augment
from edged_models.training.journal import Journal, TrainingStart, TrainingStep
from edged_models.training.sample_window import SampleWindow
from edged_models.training.schedule import batch_size, learning_rate_at, side_px_at
from edged_models.training.trainer import StepLosses, Trainer
from edged_models.training.training_samples import SampleSource
from edged_models.training.training_state import load_state

_LOG_STEPS = 100
_SAVE_S = 120.0

Validate = Callable[[Checkpoint], float]
"""Returns the AP50 of a checkpoint."""
TrainingProgress = Callable[[int, str | None], None]
"""Called with the number of steps done, and a note or None."""
Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Pictures and ground truth, as `augment_batch` returns them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """The settings of a training.

    Attributes:
        start: the initial checkpoint, trained or fresh.
        samples: the training data.
        steps: number of batches.
        seed: seed of all random numbers.
        rate: the highest learning rate.
        sides_px: sides of the square inputs, pixels, multiples of 32; half of the batches have the first.
        processes: number of processes that draw samples.
        validate_steps: number of steps between validations.
        stop_at: number of steps after which to stop early; None for all steps.
    """

    start: Checkpoint
    samples: SampleSource
    steps: int
    seed: int
    rate: float
    sides_px: tuple[int, ...]
    processes: int = 1
    validate_steps: int = 1000
    stop_at: int | None = None

    @property
    def last_step(self) -> int:
        """The number of steps after which the training ends."""
        return min(self.steps, self.stop_at or self.steps)


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """The result of a training.

    Attributes:
        checkpoint: the averaged net.
        ap50: its AP50 on the validation pictures; None without validation.
    """

    checkpoint: Checkpoint
    ap50: float | None


def train(
    plan: TrainingPlan,
    *,
    out: Path,
    resume: bool,
    validate: Validate | None,
    on_step: TrainingProgress,
) -> TrainingOutcome:
    """Train, and write the checkpoint with its journal beside it; the state is kept there until the training is complete.

    Args:
        plan: the settings.
        out: path of the checkpoint.
        resume: true to resume from the state beside `out`, if there is one.
        validate: returns the AP50 of the averaged net; None for no validation.
        on_step: called after each step.

    Raises:
        SourceError: the state is of another net, or damaged.
        PicturesError: a picture cannot be read.
        ToolError: a file cannot be written.
    """
    run = _TrainingRun(plan, out, resume=resume)
    with SampleWindow(plan.samples, seed=plan.seed, processes=plan.processes) as window:
        ap50 = run.run(window, validate, on_step)
    checkpoint = run.build_checkpoint()
    checkpoint.save(out)
    run.state_path.unlink(missing_ok=True)
    return TrainingOutcome(checkpoint, ap50)


class _TrainingRun:
    def __init__(self, plan: TrainingPlan, out: Path, *, resume: bool) -> None:
        keras.utils.set_random_seed(plan.seed)
        self._plan = plan
        # Computed once, because the digest of a folder reads every picture in it.
        self._samples_digest, self._start_digest = plan.samples.digest(), plan.start.digest()
        self.state_path = out.with_suffix(".state")
        self._trainer = Trainer(restore_net(plan.start), rate=plan.rate)
        self._steps_done = 0
        resumes = resume and self.state_path.exists()
        if resumes:
            state = load_state(self.state_path)
            self._trainer.restore_state(state)
            self._steps_done = state.step
        self._journal = Journal(out.with_suffix(".jsonl"), truncate=not resumes)
        if not resumes:
            self._journal.write(self._build_start_line())

    def run(
        self, window: SampleWindow, validate: Validate | None, on_step: TrainingProgress
    ) -> float | None:
        """Do the remaining steps and return the last AP50; on Ctrl-C write the state to disk."""
        try:
            return self._run_steps(window, validate, on_step)
        except KeyboardInterrupt:
            self._trainer.capture_state().save(self.state_path)
            raise

    def _run_steps(
        self, window: SampleWindow, validate: Validate | None, on_step: TrainingProgress
    ) -> float | None:
        plan, recent, saved_s, ap50 = self._plan, [], time.monotonic(), None
        for step, (images, truth) in self._iterate_batches(window):
            rate = learning_rate_at(step, steps=plan.steps, max_rate=plan.rate)
            recent.append(self._trainer.train_step(images, truth, rate=rate))
            self._steps_done = step + 1
            is_last = self._steps_done == plan.last_step
            is_validated = validate and (is_last or self._steps_done % plan.validate_steps == 0)
            ap50 = validate(self.build_checkpoint()) if is_validated else None
            if is_validated or is_last or self._steps_done % _LOG_STEPS == 0:
                self._journal.write(self._build_step_line(recent, ap50))
                recent = []
            if time.monotonic() - saved_s > _SAVE_S:
                self._trainer.capture_state().save(self.state_path)
                saved_s = time.monotonic()
            on_step(self._steps_done, None if ap50 is None else f"AP50 {ap50:.3f}")
        return ap50

    def build_checkpoint(self) -> Checkpoint:
        """Return the averaged net."""
        model = self._trainer.model
        names, averages = list_weight_names(model), self._trainer.get_averaged_weights()
        weights = dict(zip(names, averages, strict=True))
        return replace(
            self._plan.start,
            side_px=max(self._plan.sides_px),
            weights=weights,
            origin=Origin(
                command="train",
                seed=self._plan.seed,
                steps=self._steps_done,
                training_data=self._samples_digest,
                start=self._start_digest,
            ),
        )

    def _iterate_batches(self, window: SampleWindow) -> Iterator[tuple[int, Batch]]:
        """Yield each step with its batch, which is prepared during the step before."""
        with ThreadPoolExecutor(1) as executor:
            following = executor.submit(self._prepare_batch, window, self._steps_done)
            for step in range(self._steps_done, self._plan.last_step):
                batch = following.result()
                following = executor.submit(self._prepare_batch, window, step + 1)
                yield step, batch

    def _prepare_batch(self, window: SampleWindow, step: int) -> Batch:
        plan = self._plan
        side_px = side_px_at(step, sides_px=plan.sides_px, seed=plan.seed)
        images, truth = window.batch(step, batch_size(side_px))
        rng = np.random.default_rng([plan.seed, step, 2])
        return augment.augment_batch(images, truth, rng, side_px=side_px)

    def _build_start_line(self) -> TrainingStart:
        plan = self._plan
        return TrainingStart(
            seed=plan.seed,
            steps=plan.steps,
            rate=plan.rate,
            sides_px=plan.sides_px,
            training_data=self._samples_digest,
            start=self._start_digest,
            parameters=plan.start.count_parameters(),
            tensorflow=tf.__version__,
            machine=platform.machine(),
        )

    def _build_step_line(self, recent: list[StepLosses], ap50: float | None) -> TrainingStep:
        means = {
            name: round(float(np.mean([getattr(one, name) for one in recent])), 4)
            for name in StepLosses.__slots__
        }
        digest = self.build_checkpoint().digest()
        return TrainingStep(
            step=self._steps_done,
            cpu_s=round(time.process_time(), 1),
            weights=digest,
            ap50=ap50,
            **means,
        )
