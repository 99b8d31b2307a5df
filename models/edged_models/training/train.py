"""A training from beginning to end: lessons in, a checkpoint out, a journal beside it."""

import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edged_models.detector.checkpoint import Checkpoint, Origin
from edged_models.detector.weights import names, restore
from edged_models.tensorflow import keras, tf
from edged_models.training import augment
from edged_models.training.journal import Began, Journal, Progressed
from edged_models.training.lessons import Lessons
from edged_models.training.schedule import batch_size, rate_at, side_at
from edged_models.training.state import load_state
from edged_models.training.trainer import Learnt, Trainer
from edged_models.training.window import Window

_LOG_STEPS = 100
_SAVE_S = 120.0

Validate = Callable[[Checkpoint], float]
"""AP50 of a checkpoint."""
Tell = Callable[[int, str], None]
"""Hears how many steps are done, and a few words."""
Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Pictures and their truth, as `augment.batch` gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a training shall do.

    Attributes:
        start: the net to begin with, trained or fresh.
        lessons: what to learn from.
        steps: how many batches.
        seed: of all that chance decides.
        rate: of learning, at its peak.
        sides_px: of the pictures, multiples of 32; half of the batches have the first.
        processes: that draw pictures.
        validate_steps: how often `validate` is asked.
        stop_at: end before all steps are done, after so many.
    """

    start: Checkpoint
    lessons: Lessons
    steps: int
    seed: int
    rate: float
    sides_px: tuple[int, ...]
    processes: int = 1
    validate_steps: int = 1000
    stop_at: int | None = None

    @property
    def last(self) -> int:
        """The step after which it is over."""
        return min(self.steps, self.stop_at or self.steps)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to: the net, and its AP50, None if nobody judged it."""

    checkpoint: Checkpoint
    ap50: float | None


def train(plan: Plan, *, out: Path, resume: bool, validate: Validate | None, tell: Tell) -> Outcome:
    """Train, and write the checkpoint to `out`; beside it are the journal, and while it is not finished, the state.

    Args:
        plan: what to do.
        out: the checkpoint.
        resume: go on from the state beside `out`, if there is one.
        validate: judges the averaged net now and then.
        tell: hears of progress.

    Raises:
        SourceError: the state is of another net, or damaged.
        PicturesError: a picture cannot be read.
        ToolError: something cannot be written.
    """
    run = _Run(plan, out, resume=resume)
    with Window(plan.lessons, seed=plan.seed, processes=plan.processes) as window:
        ap50 = run.learn(window, validate, tell)
    checkpoint = run.checkpoint()
    checkpoint.save(out)
    run.state_path.unlink(missing_ok=True)
    return Outcome(checkpoint, ap50)


class _Run:
    def __init__(self, plan: Plan, out: Path, *, resume: bool) -> None:
        keras.utils.set_random_seed(plan.seed)
        self._plan = plan
        # Once: the lessons' digest reads every picture of a folder.
        self._lessons, self._start = plan.lessons.digest(), plan.start.digest()
        self.state_path = out.with_suffix(".state")
        self._trainer = Trainer(restore(plan.start), rate=plan.rate)
        self._done = 0
        goes_on = resume and self.state_path.exists()
        if goes_on:
            state = load_state(self.state_path)
            self._trainer.resume(state)
            self._done = state.step
        self._journal = Journal(out.with_suffix(".jsonl"), anew=not goes_on)
        if not goes_on:
            self._journal.write(self._began())

    def learn(self, window: Window, validate: Validate | None, tell: Tell) -> float | None:
        """Do the steps that are left; gives the AP50 at the end. Interrupted, it leaves its state on disk."""
        try:
            return self._learn(window, validate, tell)
        except KeyboardInterrupt:
            self._trainer.state().save(self.state_path)
            raise

    def _learn(self, window: Window, validate: Validate | None, tell: Tell) -> float | None:
        plan, recent, saved_s, ap50 = self._plan, [], time.monotonic(), None
        for step, (images, truth) in self._batches(window):
            rate = rate_at(step, steps=plan.steps, peak=plan.rate)
            recent.append(self._trainer.step(images, truth, rate=rate))
            self._done = step + 1
            last = self._done == plan.last
            judge = validate and (last or self._done % plan.validate_steps == 0)
            ap50 = validate(self.checkpoint()) if judge else None
            if judge or last or self._done % _LOG_STEPS == 0:
                self._journal.write(self._progressed(recent, ap50))
                recent = []
            if time.monotonic() - saved_s > _SAVE_S:
                self._trainer.state().save(self.state_path)
                saved_s = time.monotonic()
            tell(self._done, "" if ap50 is None else f"AP50 {ap50:.3f}")
        return ap50

    def checkpoint(self) -> Checkpoint:
        """The averaged net."""
        model = self._trainer.model
        weights = dict(zip(names(model), self._trainer.averaged(), strict=True))
        return replace(
            self._plan.start,
            side_px=max(self._plan.sides_px),
            weights=weights,
            origin=Origin(
                command="train",
                seed=self._plan.seed,
                steps=self._done,
                lessons=self._lessons,
                start=self._start,
            ),
        )

    def _batches(self, window: Window) -> Iterator[tuple[int, Batch]]:
        """Each step's batch, made ready while the one before is learnt from."""
        with ThreadPoolExecutor(1) as beside:
            following = beside.submit(self._batch, window, self._done)
            for step in range(self._done, self._plan.last):
                batch = following.result()
                following = beside.submit(self._batch, window, step + 1)
                yield step, batch

    def _batch(self, window: Window, step: int) -> Batch:
        plan = self._plan
        side_px = side_at(step, sides_px=plan.sides_px, seed=plan.seed)
        images, truth = window.batch(step, batch_size(side_px))
        rng = np.random.default_rng([plan.seed, step, 2])
        return augment.batch(images, truth, rng, side_px=side_px)

    def _began(self) -> Began:
        plan = self._plan
        return Began(
            seed=plan.seed,
            steps=plan.steps,
            rate=plan.rate,
            sides_px=plan.sides_px,
            lessons=self._lessons,
            start=self._start,
            parameters=plan.start.parameters(),
            tensorflow=tf.__version__,
            machine=platform.machine(),
        )

    def _progressed(self, recent: list[Learnt], ap50: float | None) -> Progressed:
        means = {
            name: round(float(np.mean([getattr(one, name) for one in recent])), 4)
            for name in Learnt.__slots__
        }
        digest = self.checkpoint().digest()
        return Progressed(
            step=self._done, cpu_s=round(time.process_time(), 1), weights=digest, ap50=ap50, **means
        )
