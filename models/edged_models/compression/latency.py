"""The child process that measures the latency of models.

``python -m edged_models.compression.latency`` reads a `TimingRequest` from standard input, and writes a JSON list of median
milliseconds to standard output.
"""

import sys
import time
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
from msgspec import Struct

from edged.config.settings import ModelSettings
from edged.ipc.child import bind_lifetime_to_parent
from edged.model.load import Model, load_model

_ROUNDS = 15
_RUNS_PER_ROUND = 5


class TimedModel(Struct, frozen=True, kw_only=True):
    """A model and the runtime to measure it on.

    Attributes:
        model: path of the .tflite.
        runtime: name in `edged.registry.INTERPRETERS`.
    """

    model: str
    runtime: str


class TimingRequest(Struct, frozen=True, kw_only=True):
    """The child's input.

    Attributes:
        timed_models: the models to measure.
    """

    timed_models: tuple[TimedModel, ...]


def measure_medians_ms(timed_models: tuple[TimedModel, ...]) -> list[float]:
    """Measure the median CPU milliseconds of an invocation with one thread.

    The models take turns, so that other load on the machine affects all of them alike; it affects CPU time least.

    Raises:
        ModelError: a model cannot be loaded.
    """
    models = [
        load_model(ModelSettings(path=Path(one.model), runtime=one.runtime, threads=1))
        for one in timed_models
    ]
    inputs = [_noise_input(model) for model in models]
    times_ms: list[list[float]] = [[] for _ in models]
    for _ in range(_ROUNDS):
        for model, tensor, model_times_ms in zip(models, inputs, times_ms, strict=True):
            # Warms up: the caches hold the weights of the model before.
            model.interpreter.invoke(tensor)
            model_times_ms += [_measure_ms(model, tensor) for _ in range(_RUNS_PER_ROUND)]
    return [median(each) for each in times_ms]


def _measure_ms(model: Model, tensor: np.ndarray) -> float:
    began_ns = time.process_time_ns()
    model.interpreter.invoke(tensor)
    return (time.process_time_ns() - began_ns) / 1e6


def _noise_input(model: Model) -> np.ndarray:
    spec = model.interpreter.signature.inputs[0]
    noise = np.random.default_rng(1).integers(0, 256, spec.shape)
    if np.issubdtype(np.dtype(spec.dtype), np.floating):
        return (noise / 255).astype(spec.dtype)
    return noise.astype(np.uint8).astype(spec.dtype)


if __name__ == "__main__":
    bind_lifetime_to_parent()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=TimingRequest)
    print(msgspec.json.encode(measure_medians_ms(request.timed_models)).decode())
