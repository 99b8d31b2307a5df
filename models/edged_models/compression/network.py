"""The protocols of a network, and of the training that repairs it, for edged's own detector and any Keras model alike.

A technique is a function ``technique(network, trainer, *, <its settings>, tuning, progress) -> Network``; without a trainer, which is
None then, the network is changed and not fine-tuned.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.conversion.source import ModelSource


class Network(Protocol):
    """A trained network that techniques change. A change returns a new network.

    Attributes:
        name: for messages and file names.
        labels: the class names; empty if they are not known.
        side_px: height and width of the input, as [height, width]; None where the network leaves them open.
        model: the Keras 2 (`tf_keras`) model, a graph of layers that maps (B, H, W, C) float32 to its outputs.
        has_learned_ranges: whether `model` was trained quantisation-aware; it is converted without calibration then.
        suffix: suffix of the file in which the network is saved, with the dot.
        tied_layers: names of layers that must keep the same channels, though the graph would not demand it.
        whole_layers: names of layers that cannot be replaced by two factors.
    """

    name: str
    labels: tuple[str, ...]
    side_px: tuple[int | None, int | None]
    model: Any
    has_learned_ranges: bool
    suffix: str
    tied_layers: tuple[tuple[str, ...], ...]
    whole_layers: frozenset[str]

    def digest(self) -> str:
        """Return a digest of architecture and weights: equal networks have equal digests."""

    def count_parameters(self) -> int:
        """Return the number of weights."""

    def with_model(self, model: Any) -> "Network":
        """Return this network with another Keras model in its place, as after a technique.

        Raises:
            ToolError: the network's kind of file cannot hold the model.
        """

    def with_learned_ranges(self, model: Any) -> "Network":
        """Return this network with a model that has been trained quantisation-aware: it can be converted, but not saved."""

    def build_for_side(self) -> Any:
        """Return the model for one fixed input size, as it is converted."""

    def to_source(self, *, name: str) -> ModelSource:
        """Return the network as a source for conversion.

        Args:
            name: name of the model, for messages and in the file.
        """

    def save(self, path: Path, *, command: str, tuning: FineTuneSettings) -> None:
        """Write the network, in the form in which it was read.

        Args:
            path: the file; its suffix should be `suffix`.
            command: the command that made the network, to be recorded where the form has a place for it.
            tuning: settings of its fine-tuning, to be recorded likewise.

        Raises:
            ToolError: the file cannot be written.
        """


class NetworkTrainer(Protocol):
    """Trains a network a little, so that it recovers from a change."""

    def fine_tune(
        self,
        model: Any,
        *,
        settings: FineTuneSettings,
        default_rate: float,
        on_step: Callable[[int], None],
        teacher: Any = None,
    ) -> None:
        """Train in place.

        Args:
            model: a Keras 2 model with the inputs and outputs of the network, wrapped by a technique or not.
            settings: steps, seed, rate and threads.
            default_rate: the highest learning rate if `settings` has none.
            on_step: called with 0 at the start, then after each step and before the next one with the number of finished steps: a
                technique keeps its condition there, as zeros that must stay zero, and reports the progress.
            teacher: a model whose outputs are imitated beside the truth of the pictures; None for none.

        Raises:
            ToolError: the training fails, or cannot learn from a teacher.
        """

    def inputs(self, count: int) -> Iterator[NDArray[np.float32]]:
        """Yield the network's input of some training pictures: (1, H, W, C) float32, as the model takes it.

        Args:
            count: the largest number of pictures.

        Raises:
            ToolError: the trainer has no pictures.
        """

    def evaluate(self, model: Any) -> float | None:
        """Return the accuracy of a Keras model on pictures that are not trained on, 0..1; None if the trainer cannot tell."""
