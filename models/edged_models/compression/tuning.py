"""How a changed net is fine-tuned, as a value."""

from collections.abc import Callable

from msgspec import Struct

Progress = Callable[[int], None]
"""Told how many steps are done: first 0, then after each."""


class Tuning(Struct, frozen=True, kw_only=True):
    """A short training.

    Attributes:
        learn: its pictures, as `open_pictures` takes them.
        steps: batches to learn from.
        rate: of learning, at its highest; None for what suits the change.
        seed: of all that chance decides.
        threads: of TensorFlow; 0 for one a core. With one, the same seed gives the same weights.
    """

    learn: str = "scenes:train:256"
    steps: int = 150
    rate: float | None = None
    seed: int = 1
    threads: int = 0


def silent(done: int) -> None:
    """Nobody watches."""
