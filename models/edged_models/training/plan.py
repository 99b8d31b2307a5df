"""The settings of a training."""

from collections.abc import Callable
from dataclasses import dataclass

from edged_models.detector.checkpoint import Checkpoint
from edged_models.training.journal import Keep
from edged_models.training.training_samples import SampleSource

Validate = Callable[[Checkpoint], float]
"""Returns the AP50 of a checkpoint."""
TrainingProgress = Callable[[int, int, str | None], None]
"""Called with the number of steps done, the number of all steps, and a note or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """The settings of a training.

    Attributes:
        start: the initial checkpoint, trained or fresh.
        samples: the training data.
        steps: number of batches; with `limit_s` an estimate, which is corrected during the training.
        seed: seed of all random numbers.
        rate: the highest learning rate.
        sides_px: sides of the square inputs, pixels, multiples of 32; half of the batches have the first.
        limit_s: duration of the training, s; None for exactly `steps` batches.
        processes: number of processes that draw samples.
        validate_steps: number of steps between validations.
        validation_data: name of the pictures for validation; None without validation.
        keep: which weights are the result.
        patience: number of validations without a better AP50 after which the training ends; None for no early end.
        stop_at: number of steps after which to stop early; None for all steps.
    """

    start: Checkpoint
    samples: SampleSource
    steps: int
    seed: int
    rate: float
    sides_px: tuple[int, ...]
    limit_s: float | None = None
    processes: int = 1
    validate_steps: int = 1000
    validation_data: str | None = None
    keep: Keep = Keep.LAST
    patience: int | None = None
    stop_at: int | None = None
