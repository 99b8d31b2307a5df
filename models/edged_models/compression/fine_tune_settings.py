"""How a changed net is fine-tuned, as a value."""

from collections.abc import Callable

from msgspec import Struct

StepCallback = Callable[[int], None]
"""Told how many steps are done: first 0, then after each."""


class FineTuneSettings(Struct, frozen=True, kw_only=True):
    """A short training.

    Attributes:
        training_pictures: its pictures, as `open_pictures` takes them.
        steps: batches to learn from.
        rate: of learning, at its highest; None for what suits the change.
        seed: of all that chance decides.
        threads: of TensorFlow; 0 for one a core. With one, the same seed gives the same weights.
    """

    training_pictures: str = "scenes:train:256"
    steps: int = 150
    rate: float | None = None
    seed: int = 1
    threads: int = 0


def ignore_progress(done: int) -> None:
    """Nobody watches."""
