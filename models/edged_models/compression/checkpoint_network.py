"""edged's own detector, which is stored as a checkpoint, as a network for the techniques."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.conversion.kinds.checkpoint import detector_source
from edged_models.conversion.source import FunctionSource
from edged_models.detector.architecture import Architecture
from edged_models.detector.checkpoint import SUFFIX, Checkpoint, Origin
from edged_models.detector.graph import DetectorHead
from edged_models.detector.weights import extract_weights, list_weight_names, restore_net
from edged_models.errors import ToolError
from edged_models.tensorflow import keras

_THIN = "_thin"
_STEM, _STAGES = "stem", ("stage4", "stage8", "stage16", "stage32")
_HEADS = ("head8", "head16", "head32")
_NORM_EPSILON = np.float32(1e-3)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointNetwork:
    """A network of `edged-models train`.

    Attributes:
        checkpoint: its architecture and weights.
        name: for messages and file names.
        model: the Keras model, of open size; of one fixed size after quantisation-aware training.
        has_learned_ranges: whether `model` was trained quantisation-aware.
        input_side_px: side of the square input for which it is converted; the checkpoint's own if None.
        head: outputs of the converted model.
        suffix: suffix of a checkpoint.
        tied_layers: the parts of the pyramid, for which an architecture has one number of channels.
    """

    checkpoint: Checkpoint
    name: str
    model: keras.Model
    has_learned_ranges: bool = False
    input_side_px: int | None = None
    head: DetectorHead = DetectorHead.POSTPROCESS
    suffix: str = SUFFIX
    tied_layers: tuple[tuple[str, ...], ...] = (("lateral32", "pyramid16_point", "pyramid8_point"),)

    @property
    def whole_layers(self) -> frozenset[str]:
        """The layers without a normalisation, which an architecture has no ranks for: those of the outputs."""
        return frozenset(f"{head}_{kind}" for head in _HEADS for kind in ("box", "score"))

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names."""
        return self.checkpoint.architecture.labels

    @property
    def side_px(self) -> tuple[int, int]:
        """Height and width of the input."""
        side_px = self.input_side_px or self.checkpoint.side_px
        return side_px, side_px

    def digest(self) -> str:
        """Return the SHA-256 over the names, shapes and values of the weights."""
        return self.checkpoint.digest()

    def count_parameters(self) -> int:
        """Return the number of weights."""
        return self.checkpoint.count_parameters()

    def with_model(self, model: keras.Model) -> "CheckpointNetwork":
        """Return this network with another model of the same structure; channels, factors and normalisations may differ.

        Raises:
            ToolError: a checkpoint cannot hold the model.
        """
        changed = read_checkpoint(model, self.checkpoint)
        return replace(
            self, checkpoint=changed, model=restore_net(changed), has_learned_ranges=False
        )

    def with_learned_ranges(self, model: keras.Model) -> "CheckpointNetwork":
        """Return this network with a model that has been trained quantisation-aware."""
        return replace(self, model=model, has_learned_ranges=True)

    def build_for_side(self) -> keras.Model:
        """Return the model for one fixed input size."""
        if self.has_learned_ranges:
            return self.model
        return restore_net(self.checkpoint, side_px=self.side_px[0])

    def to_source(self, *, name: str) -> FunctionSource:
        """Return the network as a source for conversion; `name` is that of the model."""
        return detector_source(
            self.build_for_side(),
            name=name,
            labels=self.labels,
            head=self.head,
            has_learned_ranges=self.has_learned_ranges,
        )

    def save(self, path: Path, *, command: str, tuning: FineTuneSettings) -> None:
        """Write the checkpoint.

        Args:
            path: the file.
            command: the command that made the network.
            tuning: settings of its fine-tuning.

        Raises:
            ToolError: the file cannot be written, or the network was trained quantisation-aware.
        """
        if self.has_learned_ranges:
            raise ToolError(
                f"{self.name} has learned ranges: convert it, a checkpoint cannot hold them"
            )
        replace(self.checkpoint, origin=self._make_origin(command, tuning)).save(path)

    def _make_origin(self, command: str, tuning: FineTuneSettings) -> Origin:
        return Origin(
            command=command,
            seed=tuning.seed,
            steps=tuning.steps,
            training_data=tuning.training_pictures,
            start=self.checkpoint.origin.start,
        )


def checkpoint_network(checkpoint: Checkpoint, *, name: str) -> CheckpointNetwork:
    """Return a checkpoint as a network; `name` is for messages and file names.

    Raises:
        SourceError: the checkpoint's weights do not fit its architecture.
    """
    # What is made of it starts from these weights.
    origin = msgspec.structs.replace(checkpoint.origin, start=checkpoint.digest())
    start = replace(checkpoint, origin=origin)
    return CheckpointNetwork(checkpoint=start, name=name, model=restore_net(start))


def read_checkpoint(model: keras.Model, old: Checkpoint) -> Checkpoint:
    """Read architecture and weights off a model of the checkpoint's structure.

    A normalisation that was folded into its convolution is stored as one that only adds the convolution's bias.

    Raises:
        ToolError: a checkpoint cannot hold the model.
    """
    weights = extract_weights(model) if model.weights else {}
    if len(weights) != len(list_weight_names(model)):
        raise ToolError("a checkpoint cannot hold a network with two weights of one name")
    for layer in model.layers:
        name = layer.name.removesuffix("_norm")
        if name != layer.name and not layer.weights:
            weights.update(_neutral_norm(name, weights.pop(f"{name}/bias")))
    return replace(old, architecture=_read_architecture(weights, old.architecture), weights=weights)


def _neutral_norm(layer: str, shift: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a normalisation that adds `shift`, (C,) float32, and multiplies by one."""
    one = np.ones_like(shift)
    return {
        f"{layer}_norm/gamma": one,
        f"{layer}_norm/beta": shift,
        f"{layer}_norm/moving_mean": 0 * one,
        f"{layer}_norm/moving_variance": one - _NORM_EPSILON,
    }


def _read_architecture(
    weights: Mapping[str, NDArray[np.float32]], old: Architecture
) -> Architecture:
    """Return the architecture with the numbers of channels that the kernels have."""

    def count(layer: str) -> int:
        return int(weights[f"{layer}/kernel"].shape[-1])

    return msgspec.structs.replace(
        old,
        stem=count(_STEM),
        stages=tuple(map(count, _STAGES)),
        pyramid=count("lateral32"),
        heads=tuple((count(f"{one}_a_point"), count(f"{one}_b_point")) for one in _HEADS),
        ranks={one: count(f"{one}{_THIN}") for one in _list_factorized(weights, old)},
    )


def _list_factorized(weights: Mapping[str, NDArray[np.float32]], old: Architecture) -> list[str]:
    """Return the names of the factorised layers, in the order in which they were factorised."""
    suffix = f"{_THIN}/kernel"
    thin = [name.removesuffix(suffix) for name in weights if name.endswith(suffix)]
    earlier = [one for one in old.ranks if one in thin]
    return [*earlier, *(one for one in thin if one not in earlier)]
