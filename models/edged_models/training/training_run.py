"""The steps of a training, with what is kept on disk while it runs."""

import platform
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edged_models.detector.checkpoint import Checkpoint, Origin
from edged_models.detector.weights import list_weight_names, restore_net
from edged_models.tensorflow import keras, tf
from edged_models.training import augment
from edged_models.training.best_weights import BestWeights
from edged_models.training.journal import (
    EndReason,
    Journal,
    JournalLine,
    Keep,
    TrainingEnd,
    TrainingResumption,
    TrainingStart,
    TrainingStep,
)
from edged_models.training.length import TrainingLength
from edged_models.training.plan import TrainingPlan, TrainingProgress, Validate
from edged_models.training.resumption import check_same_training, keep_lines_until
from edged_models.training.sample_window import SampleWindow
from edged_models.training.schedule import batch_size, learning_rate_at, side_px_at
from edged_models.training.tensorboard import TensorBoardLog
from edged_models.training.trainer import StepLosses, Trainer
from edged_models.training.training_state import TrainingState, load_state

_LOG_STEPS = 100
_SAVE_S = 120.0

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Pictures and ground truth, as `augment_batch` returns them."""


class TrainingRun:
    """One run of a training, from its start or from a saved state, up to its end or an interruption."""

    def __init__(
        self,
        plan: TrainingPlan,
        settings: TrainingStart,
        out: Path,
        log: TensorBoardLog | None,
        *,
        resume: bool,
        used_s: float,
    ) -> None:
        """Restore the state, or begin a journal.

        Args:
            plan: the settings.
            settings: the first line of the journal.
            out: path of the checkpoint.
            log: receives the numbers of the journal; None for no such log.
            resume: true to resume from the state beside `out`, if there is one.
            used_s: part of the time limit that is used already, s.

        Raises:
            SourceError: the state is of a training with other settings, or damaged.
            ToolError: the journal cannot be written.
        """
        self._journal = Journal(out.with_suffix(".jsonl"))
        self.state_path = out.with_suffix(".state")
        resumes = resume and self.state_path.exists()
        lines = check_same_training(self._journal.path, settings) if resumes else ()
        keras.utils.set_random_seed(plan.seed)
        self._plan = plan
        self._settings = settings
        self._log = log
        self._trainer = Trainer(restore_net(plan.start), rate=plan.rate)
        self._steps_done, self._best, spent_s = 0, BestWeights(), used_s
        self._last_ap50: float | None = None
        if resumes:
            spent_s += self._restore(load_state(self.state_path), lines)
        else:
            self._journal.begin([settings])
        self._length = TrainingLength(plan.steps, limit_s=plan.limit_s, spent_s=spent_s)

    def _restore(self, state: TrainingState, lines: Sequence[JournalLine]) -> float:
        """Go on from a state, and return the time that the training has taken, s."""
        self._trainer.restore_state(state)
        self._steps_done = state.step
        self._best = BestWeights(
            step=state.best_step,
            ap50=state.best_ap50,
            weights=state.best,
            validations_since=state.validations_since_best,
        )
        resumption = TrainingResumption(
            step=state.step, tensorflow=tf.__version__, machine=platform.machine()
        )
        self._journal.begin([*keep_lines_until(lines, state.step), resumption])
        return state.spent_s

    def run(
        self, window: SampleWindow, validate: Validate | None, on_step: TrainingProgress
    ) -> TrainingEnd:
        """Do the remaining steps, and return the last line of the journal; on Ctrl-C write the state to disk."""
        try:
            self._run_steps(window, validate, on_step)
        except KeyboardInterrupt:
            self._save_state()
            raise
        is_best = self._keeps_best
        end = TrainingEnd(
            step=self._steps_done,
            reason=EndReason.NO_IMPROVEMENT if self._is_exhausted else EndReason.COMPLETE,
            result_step=self._best.step if is_best else self._steps_done,
            weights=self.build_result().digest(),
            ap50=self._best.ap50 if is_best else self._last_ap50,
        )
        self._journal.write(end)
        return end

    def _run_steps(
        self, window: SampleWindow, validate: Validate | None, on_step: TrainingProgress
    ) -> None:
        plan, recent, saved_s = self._plan, [], time.monotonic()
        for step, (images, truth) in self._iterate_batches(window):
            rate = learning_rate_at(step, steps=self._length.steps, max_rate=plan.rate)
            recent.append(self._trainer.train_step(images, truth, rate=rate))
            self._steps_done = step + 1
            self._length.update(self._steps_done)
            is_validated = validate and (
                self._is_last or self._steps_done % plan.validate_steps == 0
            )
            ap50 = self._validate(validate) if is_validated else None
            if is_validated or self._is_last or self._steps_done % _LOG_STEPS == 0:
                self._write_line(recent, ap50, rate)
                recent = []
            if time.monotonic() - saved_s > _SAVE_S:
                self._save_state()
                saved_s = time.monotonic()
            note = None if ap50 is None else f"AP50 {ap50:.3f}"
            on_step(self._steps_done, max(self._steps_done, self._last_step), note)

    @property
    def _last_step(self) -> int:
        return min(self._length.steps, self._plan.stop_at or self._length.steps)

    @property
    def _is_exhausted(self) -> bool:
        """True if so many validations as the plan allows brought nothing better."""
        patience = self._plan.patience
        return patience is not None and self._best.validations_since >= patience

    @property
    def _is_last(self) -> bool:
        return self._steps_done >= self._last_step

    @property
    def _keeps_best(self) -> bool:
        return self._plan.keep is Keep.BEST and self._best.step > 0

    def _validate(self, validate: Validate) -> float:
        began_s = time.monotonic()
        ap50 = self._last_ap50 = validate(self._build_checkpoint())
        averages = self._trainer.get_averaged_weights() if self._plan.keep is Keep.BEST else ()
        self._best = self._best.after_validation(self._steps_done, ap50, averages)
        self._length.reserve(time.monotonic() - began_s)
        return ap50

    def _write_line(self, recent: list[StepLosses], ap50: float | None, rate: float) -> None:
        line = self._build_step_line(recent, ap50)
        self._journal.write(line)
        if self._log:
            self._log.write(line, rate=rate)

    def _save_state(self) -> None:
        state = replace(
            self._trainer.capture_state(),
            spent_s=self._length.spent_s,
            best=list(self._best.weights),
            best_step=self._best.step,
            best_ap50=self._best.ap50,
            validations_since_best=self._best.validations_since,
        )
        state.save(self.state_path)

    def build_result(self) -> Checkpoint:
        """Return the net that is the result."""
        if not self._keeps_best:
            return self._build_checkpoint()
        return self._name_weights(self._best.weights, self._best.step)

    def _build_checkpoint(self) -> Checkpoint:
        """Return the averaged net."""
        return self._name_weights(self._trainer.get_averaged_weights(), self._steps_done)

    def _name_weights(self, weights: Sequence[NDArray[np.float32]], steps: int) -> Checkpoint:
        names = list_weight_names(self._trainer.model)
        return replace(
            self._plan.start,
            side_px=max(self._plan.sides_px),
            weights=dict(zip(names, weights, strict=True)),
            origin=Origin(
                command="train",
                seed=self._plan.seed,
                steps=steps,
                training_data=self._settings.training_data,
                start=self._settings.start,
            ),
        )

    def _iterate_batches(self, window: SampleWindow) -> Iterator[tuple[int, Batch]]:
        """Yield each step with its batch, which is prepared during the step before."""
        with ThreadPoolExecutor(1) as executor:
            following = executor.submit(self._prepare_batch, window, self._steps_done)
            while not (self._is_last or self._is_exhausted):
                step, batch = self._steps_done, following.result()
                following = executor.submit(self._prepare_batch, window, step + 1)
                yield step, batch

    def _prepare_batch(self, window: SampleWindow, step: int) -> Batch:
        plan = self._plan
        side_px = side_px_at(step, sides_px=plan.sides_px, seed=plan.seed)
        images, truth = window.batch(step, batch_size(side_px))
        rng = np.random.default_rng([plan.seed, step, 2])
        return augment.augment_batch(images, truth, rng, side_px=side_px)

    def _build_step_line(self, recent: list[StepLosses], ap50: float | None) -> TrainingStep:
        means = {
            name: round(float(np.mean([getattr(one, name) for one in recent])), 4)
            for name in StepLosses.__slots__
        }
        digest = self._build_checkpoint().digest()
        return TrainingStep(
            step=self._steps_done,
            cpu_s=round(time.process_time(), 1),
            weights=digest,
            ap50=ap50,
            **means,
        )
