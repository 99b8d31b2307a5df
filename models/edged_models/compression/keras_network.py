"""Any Keras model as a network for the techniques."""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.conversion.kinds.keras_file import network_source
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.source import FunctionSource
from edged_models.errors import ToolError
from edged_models.files import atomic_replacement
from edged_models.tensorflow import keras


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasNetwork:
    """A Keras 2 model that is a graph of layers.

    Attributes:
        name: for messages and file names.
        model: the model, with one input.
        labels: the class names; empty if they are not known.
        mean: mean of the normalisation ``(pixel - mean) / std`` of the input's pixels 0..255; empty if it is not known.
        std: standard deviation of the normalisation.
        has_learned_ranges: whether `model` was trained quantisation-aware.
        suffix: suffix of the file in which it is saved.
        tied_layers: none.
        whole_layers: none.
    """

    name: str
    model: keras.Model
    labels: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    has_learned_ranges: bool = False
    suffix: str = ".keras"
    tied_layers: tuple[tuple[str, ...], ...] = ()
    whole_layers: frozenset[str] = frozenset()

    @property
    def side_px(self) -> tuple[int | None, int | None]:
        """Height and width of the input; None where the model leaves them open."""
        height, width = self.model.inputs[0].shape[1:3]
        return height, width

    def digest(self) -> str:
        """Return the SHA-256 over the model's layers and the values of its weights."""
        sha = sha256(self.model.to_json().encode())
        for array in self.model.get_weights():
            sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()

    def count_parameters(self) -> int:
        """Return the number of weights."""
        return int(sum(array.size for array in self.model.get_weights()))

    def with_model(self, model: keras.Model) -> "KerasNetwork":
        """Return this network with another model in its place."""
        return replace(self, model=model, has_learned_ranges=False)

    def with_learned_ranges(self, model: keras.Model) -> "KerasNetwork":
        """Return this network with a model that has been trained quantisation-aware."""
        return replace(self, model=model, has_learned_ranges=True)

    def build_for_side(self) -> keras.Model:
        """Return the model itself: a Keras file has its input size."""
        return self.model

    def to_source(self, *, name: str) -> FunctionSource:
        """Return the network as a source for conversion.

        Args:
            name: name of the model, for messages and in the file.

        Raises:
            SourceError: the model leaves its input's size open.
        """
        metadata = ModelMetadata(name=name, mean=self.mean, std=self.std, labels=self.labels)
        return network_source(
            self.model, name=name, metadata=metadata, has_learned_ranges=self.has_learned_ranges
        )

    def save(self, path: Path, *, command: str, tuning: FineTuneSettings) -> None:  # noqa: ARG002  # a Keras file has no place for them
        """Write the model as a file of Keras 2.

        Args:
            path: the file, which ends in .keras or .h5.
            command: without effect.
            tuning: without effect.

        Raises:
            ToolError: the file cannot be written, or the network was trained quantisation-aware.
        """
        if self.has_learned_ranges:
            raise ToolError(f"{self.name} has learned ranges: convert it, do not save it")
        with atomic_replacement(path) as partial:
            self.model.save(partial)
