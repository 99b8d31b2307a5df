"""The head that learns: its signatures in either runtime, and what it has learnt as a file."""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Self

import numpy as np
from feature_extractor import resolve_runtime

from edged.errors import ConfigError, ModelError, RegistryError
from edged.types import F32, I32

_PACKAGES = {"litert": "ai_edge_litert", "tflite": "tflite_runtime"}
_LEARNING_RATE = 0.1
_UNSEEN_BIAS = -1e4
"""The bias of kinds that the head could tell, and nobody has shown it."""


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Pictures as features.

    Attributes:
        names: of the kinds.
        features: (N, C) float32.
        kinds: (N,) int32, indices into `names`.
    """

    names: tuple[str, ...]
    features: F32
    kinds: I32

    @classmethod
    def from_features(cls, features_by_kind: Mapping[str, F32]) -> Self:
        """From each kind's features, (n, C)."""
        kinds = [np.full(len(f), i, np.int32) for i, f in enumerate(features_by_kind.values())]
        return cls(
            tuple(features_by_kind),
            np.concatenate(list(features_by_kind.values())),
            np.concatenate(kinds),
        )

    def iterate_pairs(self) -> Iterator[tuple[F32, int]]:
        """One at a time."""
        for features, kind in zip(self.features, self.kinds, strict=True):
            yield features, int(kind)


@dataclass(frozen=True, eq=False)
class HeadWeights:
    """All that has been learnt, and all that a device must keep.

    Attributes:
        names: of the kinds.
        mean: (C,) float32; features are shifted by it,
        scale: (C,) float32; and multiplied by it, so that all count alike.
        weights: (C, K) float32; K is the head's, at least the number of kinds.
        bias: (K,) float32.
    """

    names: tuple[str, ...]
    mean: F32
    scale: F32
    weights: F32
    bias: F32


def initial_weights(samples: FeatureSet, kind_count: int) -> HeadWeights:
    """What is known before the first step: how features usually are, and that only these kinds are meant."""
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
    """The head in a runtime; `load_weights` comes before all else."""

    def __init__(self, model: Path, runtime: str) -> None:
        """Open it.

        Raises:
            ModelError: it is no such head.
            RegistryError: the runtime is not installed.
        """
        name = resolve_runtime(runtime)
        try:
            package = import_module(f"{_PACKAGES[name]}.interpreter")
            self._interpreter = package.Interpreter(model_path=str(model))
            # The runners do not keep their interpreter alive.
            self._signatures = {
                signature: self._interpreter.get_signature_runner(signature)
                for signature in ("train", "infer", "get", "put")
            }
            self._mean = self._scale = np.zeros(0, np.float32)
            self.feature_count, self.kind_count = self._signatures["get"]()["weights"].shape
        except ImportError as error:
            raise RegistryError(f"the runtime {name!r} cannot be imported ({error})") from error
        except (RuntimeError, ValueError, KeyError) as error:
            raise ModelError(f"{model} is no head that learns: {error}") from error

    def load_weights(self, weights: HeadWeights) -> None:
        """Go on from what is known.

        Raises:
            ModelError: it is another head's, or of other features.
        """
        if weights.weights.shape != (self.feature_count, self.kind_count):
            raise ModelError(
                f"what was learnt is for {weights.weights.shape} weights; the head has {(self.feature_count, self.kind_count)}"
            )
        self._mean, self._scale = weights.mean, weights.scale
        self._signatures["put"](weights=weights.weights, bias=weights.bias)

    def train(self, samples: FeatureSet, *, steps: int, seed: int) -> float:
        """Learn from randomly drawn batches; gives the last batch's loss."""
        rng = np.random.default_rng(seed)
        batch = self._signatures["train"].get_input_details()["kinds"]["shape"][0]
        inputs, rate, loss = self._normalise(samples.features), np.float32(_LEARNING_RATE), 0.0
        for _ in range(steps):
            drawn = rng.integers(0, len(inputs), batch)
            answer = self._signatures["train"](
                x=inputs[drawn], kinds=samples.kinds[drawn], rate=rate
            )
            loss = float(answer["loss"])
        return loss

    def score(self, features: F32) -> F32:
        """(K,) float32, their sum 1: of which kind a picture is."""
        scores: F32 = self._signatures["infer"](x=self._normalise(features[None]))["scores"][0]
        return scores

    def get_weights(self, names: tuple[str, ...]) -> HeadWeights:
        """What is to be kept."""
        got = self._signatures["get"]()
        return HeadWeights(names, self._mean, self._scale, got["weights"], got["bias"])

    def _normalise(self, features: F32) -> F32:
        return np.asarray((features - self._mean) * self._scale, np.float32)


def save_weights(path: Path, weights: HeadWeights) -> None:
    """Keep it.

    Raises:
        ConfigError: it cannot be written.
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
    """What was kept.

    Raises:
        ConfigError: it cannot be read, or is something else.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            names = tuple(str(name) for name in kept["names"])
            arrays = {key: kept[key] for key in ("mean", "scale", "weights", "bias")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigError(f"cannot read {path} as what was learnt: {error}") from error
    return HeadWeights(names=names, **arrays)
