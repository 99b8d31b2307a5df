"""Times models against one another in a process of its own.

``python -m edged_models.compression.latency``: `TimingRequest` on standard input, a list of median milliseconds on standard output.
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
    """A model on a runtime."""

    model: str
    runtime: str


class TimingRequest(Struct, frozen=True, kw_only=True):
    """What the child is told."""

    timed_models: tuple[TimedModel, ...]


def measure_medians_ms(timed_models: tuple[TimedModel, ...]) -> list[float]:
    """Median CPU milliseconds of an invocation with one thread.

    They take turns, so that what else the machine does meets all alike; CPU time, because it may do much.
    """
    models = [
        load_model(ModelSettings(path=Path(one.model), runtime=one.runtime, threads=1))
        for one in timed_models
    ]
    inputs = [_noise_input(model) for model in models]
    taken: list[list[float]] = [[] for _ in models]
    for _ in range(_ROUNDS):
        for model, tensor, mine in zip(models, inputs, taken, strict=True):
            model.interpreter.invoke(
                tensor
            )  # the one before has left its own weights in the caches
            for _ in range(_RUNS_PER_ROUND):
                began_ns = time.process_time_ns()
                model.interpreter.invoke(tensor)
                mine.append((time.process_time_ns() - began_ns) / 1e6)
    return [median(mine) for mine in taken]


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
