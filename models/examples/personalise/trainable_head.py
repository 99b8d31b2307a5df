"""The trainable head: its signatures in either runtime, and its weights on disk."""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import numpy as np
from feature_extractor import resolve_runtime

from edged.errors import ConfigError, ModelError, RegistryError
from edged.types import F32, I32

_PACKAGES = {"litert": "ai_edge_litert", "tflite": "tflite_runtime"}
_LEARNING_RATE = 0.1
_UNSEEN_BIAS = -1e4
"""The bias of kinds for which the head has no pictures."""


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """The features of pictures, with their kinds.

    Attributes:
        names: names of the kinds.
        features: (N, C) float32.
        kinds: (N,) int32, indices into `names`.
    """

    names: tuple[str, ...]
    features: F32
    kinds: I32

    @classmethod
    def from_features(cls, features_by_kind: Mapping[str, F32]) -> Self:
        """Combine the features of each kind, (N, C) float32 by name, into one set."""
        kinds = [np.full(len(f), i, np.int32) for i, f in enumerate(features_by_kind.values())]
        return cls(
            tuple(features_by_kind),
            np.concatenate(list(features_by_kind.values())),
            np.concatenate(kinds),
        )

    def iterate_pairs(self) -> Iterator[tuple[F32, int]]:
        """Yield the features, (C,) float32, and the kind of one picture after the other."""
        for features, kind in zip(self.features, self.kinds, strict=True):
            yield features, int(kind)


@dataclass(frozen=True, eq=False)
class HeadWeights:
    """The result of the training, which a device must keep.

    Attributes:
        names: names of the kinds.
        mean: (C,) float32, subtracted from the features.
        scale: (C,) float32, multiplied with the difference, so that all features count equally.
        weights: (C, K) float32; K is that of the head, at least the number of kinds.
        bias: (K,) float32.
    """

    names: tuple[str, ...]
    mean: F32
    scale: F32
    weights: F32
    bias: F32


def initial_weights(samples: FeatureSet, kind_count: int) -> HeadWeights:
    """Return the weights before the first step: the statistics of the features, and a bias against kinds without pictures."""
    spread = samples.features.std(axis=0)
    bias = np.full(kind_count, _UNSEEN_BIAS, np.float32)
    bias[: len(samples.names)] = 0.0
    return HeadWeights(
        names=samples.names,
        mean=samples.features.mean(axis=0),
        scale=np.asarray(1 / np.maximum(spread, 1e-3), np.float32),
        weights=np.zeros((samples.features.shape[1], kind_count), np.float32),
        bias=bias,
    )


class TrainableHead:
    """The head in a runtime; call `load_weights` before anything else."""

    def __init__(self, model: Path, runtime: str) -> None:
        """Open the model file.

        Raises:
            ModelError: the file is not a trainable head.
            RegistryError: the runtime is not installed.
        """
        # Kept, because the signature runners do not keep their interpreter alive.
        self._interpreter = _open_interpreter(model, resolve_runtime(runtime))
        try:
            self._signatures = {
                signature: self._interpreter.get_signature_runner(signature)
                for signature in ("train", "infer", "get", "put")
            }
            self.feature_count, self.kind_count = self._signatures["get"]()["weights"].shape
        except (RuntimeError, ValueError, KeyError) as error:
            raise ModelError(f"{model} is not a trainable head: {error}") from error
        self._mean = self._scale = np.zeros(0, np.float32)

    def load_weights(self, weights: HeadWeights) -> None:
        """Set the weights.

        Raises:
            ModelError: they are of another head, or for other features.
        """
        if weights.weights.shape != (self.feature_count, self.kind_count):
            raise ModelError(
                f"the weights have the shape {weights.weights.shape}, those of the head {(self.feature_count, self.kind_count)}: train again"
            )
        self._mean, self._scale = weights.mean, weights.scale
        self._signatures["put"](weights=weights.weights, bias=weights.bias)

    def train(self, samples: FeatureSet, *, steps: int, seed: int) -> float:
        """Train on random batches, and return the loss of the last one.

        Args:
            samples: the features of the training pictures.
            steps: number of batches.
            seed: determines the batches.
        """
        rng = np.random.default_rng(seed)
        batch = self._signatures["train"].get_input_details()["kinds"]["shape"][0]
        inputs, rate, loss = self._normalise(samples.features), np.float32(_LEARNING_RATE), 0.0
        for _ in range(steps):
            drawn = rng.integers(0, len(inputs), batch)
            outputs = self._signatures["train"](
                x=inputs[drawn], kinds=samples.kinds[drawn], rate=rate
            )
            loss = float(outputs["loss"])
        return loss

    def score(self, features: F32) -> F32:
        """Return the score of each kind, (K,) float32 with the sum 1, for a picture's features, (C,) float32."""
        scores: F32 = self._signatures["infer"](x=self._normalise(features[None]))["scores"][0]
        return scores

    def get_weights(self, names: tuple[str, ...]) -> HeadWeights:
        """Return the weights, with the names of the kinds, for `save_weights`."""
        outputs = self._signatures["get"]()
        return HeadWeights(names, self._mean, self._scale, outputs["weights"], outputs["bias"])

    def _normalise(self, features: F32) -> F32:
        return np.asarray((features - self._mean) * self._scale, np.float32)


def _open_interpreter(model: Path, runtime: str) -> Any:
    try:
        package = import_module(f"{_PACKAGES[runtime]}.interpreter")
        return package.Interpreter(model_path=str(model))
    except ImportError as error:
        raise RegistryError(f"the runtime {runtime!r} cannot be imported ({error})") from error
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"cannot open {model}: {error}") from error


def save_weights(path: Path, weights: HeadWeights) -> None:
    """Write the weights to a file.

    Raises:
        ConfigError: the file cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            np.savez(file, **vars(weights) | {"names": np.array(weights.names)})
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error


def load_weights(path: Path) -> HeadWeights:
    """Read a file of `save_weights`.

    Raises:
        ConfigError: the file cannot be read, or has no weights.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            names = tuple(str(name) for name in content["names"])
            arrays = {key: content[key] for key in ("mean", "scale", "weights", "bias")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigError(f"cannot read the weights {path}: {error}") from error
    return HeadWeights(names=names, **arrays)
