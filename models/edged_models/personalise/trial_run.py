"""A personalisable model is tried before it is written: on each runtime it must learn random features, and answer."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edged.config.settings import ModelSettings
from edged.errors import EdgedError
from edged.interpreters.signature_runners import SignatureRunners
from edged.model.load import load_model
from edged.personalise.head_file import locate_head
from edged.personalise.training import SIGNATURES, FeatureSet, train_layer
from edged_models.errors import ToolError

_RUNTIMES = ("litert", "tflite")
_SAMPLES, _STEPS, _MAX_LOSS = 16, 200, 0.5


@dataclass(frozen=True, slots=True)
class LearningTrial:
    """What the trial showed: the number of features, and the runtimes on which the model learns."""

    features: int
    runtimes: tuple[str, ...]


def try_learning(model: bytes) -> LearningTrial:
    """Let a model learn two classes of random features on each runtime.

    Raises:
        ToolError: on one of them it does not.
    """
    with tempfile.TemporaryDirectory(prefix="edged-models-") as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(model)
        features = 0
        for runtime in _RUNTIMES:
            try:
                features = _learn_and_answer(path, runtime)
            except EdgedError as error:
                raise ToolError(f"the new model does not learn on {runtime}: {error}") from error
    return LearningTrial(features, _RUNTIMES)


def _learn_and_answer(path: Path, runtime: str) -> int:
    """Return the number of features of a model that learns.

    Raises:
        EdgedError: it does not.
    """
    location = locate_head(path)
    rng = np.random.default_rng(0)
    classes = np.arange(_SAMPLES, dtype=np.int32) % 2
    features = rng.normal(size=(_SAMPLES, location.features)) + 2 * classes[:, None]
    samples = FeatureSet(features.astype(np.float32), classes)
    runners = SignatureRunners(path, runtime, SIGNATURES)
    trained = train_layer(runners, samples, class_count=2, steps=_STEPS, seed=0)
    if trained.loss > _MAX_LOSS:
        raise ToolError(f"after {_STEPS} steps the loss is {trained.loss:.2f}")
    loaded = load_model(ModelSettings(path=path, runtime=runtime))
    zeros = np.zeros(loaded.family.input.tensor.shape, loaded.family.input.tensor.dtype)
    loaded.interpreter.invoke(zeros)
    return location.features
