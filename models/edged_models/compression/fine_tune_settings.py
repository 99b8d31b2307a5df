"""Settings of the fine-tuning."""

from collections.abc import Callable

from msgspec import Struct

StepCallback = Callable[[int], None]
"""Called with the number of finished steps: first with 0, then after each step."""


class FineTuneSettings(Struct, frozen=True, kw_only=True):
    """Settings of the training that follows a change of a network.

    Attributes:
        training_pictures: its pictures, as `open_pictures` takes them.
        steps: number of batches to train on.
        rate: highest learning rate; None for the default of the technique.
        seed: seed of all random numbers.
        threads: number of TensorFlow's threads; 0 for one for each core. With one, the same seed gives the same weights.
    """

    training_pictures: str = "scenes:train:256"
    steps: int = 150
    rate: float | None = None
    seed: int = 1
    threads: int = 0


def ignore_progress(done: int) -> None:
    """Do nothing; the default `StepCallback`."""
