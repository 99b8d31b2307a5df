"""What the techniques need to know of a network, and of the training that repairs it: edged's own detector and any Keras model alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from edged_models.compression.fine_tune_settings import FineTuneSettings, StepCallback
from edged_models.conversion.source import ModelSource


class Network(Protocol):
    """A trained network that techniques change. A change returns a new network.

    Attributes:
        name: for messages and file names.
        labels: the class names; empty if they are not known.
        side_px: height and width of the input, as [height, width].
        model: the Keras 2 (`tf_keras`) model, which maps (B, H, W, C) float32 to its outputs.
    """

    name: str
    labels: tuple[str, ...]
    side_px: tuple[int, int]
    model: Any

    def digest(self) -> str:
        """Return a digest of architecture and weights: equal networks have equal digests."""

    def count_parameters(self) -> int:
        """Return the number of weights."""

    def with_model(self, model: Any) -> "Network":
        """Return this network with another Keras model in its place, as after a technique."""

    def to_source(self, *, name: str, has_learned_ranges: bool = False) -> ModelSource:
        """Return the network as a source for conversion."""

    def save(self, path: Path) -> None:
        """Write the network, in the form in which it was read.

        Raises:
            ToolError: the file cannot be written.
        """


class Trainer(Protocol):
    """Trains a network a little, so that it recovers from a change."""

    def fine_tune(
        self,
        model: Any,
        *,
        settings: FineTuneSettings,
        default_rate: float,
        progress: StepCallback,
        on_step: Callable[[int], None],
    ) -> None:
        """Train in place.

        Args:
            model: a Keras 2 model with the inputs and outputs of the network, wrapped by a technique or not.
            settings: steps, seed, rate and threads.
            default_rate: the highest learning rate if `settings` has none.
            progress: called with the number of finished steps.
            on_step: called after each step, before the next one, with the number of finished steps: a technique keeps its
                condition there, as zeros that must stay zero.
        """

    def evaluate(self, model: Path) -> float:
        """Return the accuracy of a .tflite on the pictures kept for validation: top-1 accuracy or mAP, 0..1."""
