"""The child process that measures the latency of models.

``python -m edged_models.compression.latency`` reads a `TimingRequest` from standard input, and writes a JSON list of `Timing`s to
standard output.
"""

import math
import sys
import time
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
from msgspec import Struct

from edged.config.settings import ModelSettings
from edged.errors import EdgedError
from edged.ipc.child import bind_lifetime_to_parent
from edged.model.load import Model, load_model

_MAX_ROUNDS, _MIN_ROUNDS = 15, 5
_RUNS_PER_ROUND = 5
_ENOUGH_MS = 1000.0
"""A slow model is run in fewer rounds: the longer an invocation, the smaller its relative variation."""


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


class Timing(Struct, frozen=True, kw_only=True):
    """The latency of a model.

    Attributes:
        median_ms: median CPU milliseconds of an invocation with one thread; None if the runtime does not run the model.
        refusal: why it does not; None if it does.
    """

    median_ms: float | None = None
    refusal: str | None = None


def measure_timings(timed_models: tuple[TimedModel, ...]) -> list[Timing]:
    """Measure the median CPU milliseconds of an invocation with one thread.

    The models take turns, so that other load on the machine affects all of them alike; it affects CPU time least.
    """
    opened = [_TimedRun.open(one) for one in timed_models]
    for number in range(_MAX_ROUNDS):
        for one in opened:
            if isinstance(one, _TimedRun) and number < one.rounds:
                one.run()
    return [one.result() if isinstance(one, _TimedRun) else one for one in opened]


class _TimedRun:
    """A loaded model and its times."""

    def __init__(self, model: Model, tensor: np.ndarray) -> None:
        self._model = model
        self._tensor = tensor
        self._times_ms: list[float] = []

    @classmethod
    def open(cls, one: TimedModel) -> "_TimedRun | Timing":
        try:
            settings = ModelSettings(path=Path(one.model), runtime=one.runtime, threads=1)
            model = load_model(settings)
            tensor = _noise_input(model)
            model.interpreter.invoke(tensor)
        except EdgedError as error:
            return Timing(refusal=str(error))
        return cls(model, tensor)

    @property
    def rounds(self) -> int:
        """The number of rounds for which the model is run."""
        if not self._times_ms:
            return _MAX_ROUNDS
        round_ms = (1 + _RUNS_PER_ROUND) * median(self._times_ms)
        return max(_MIN_ROUNDS, min(_MAX_ROUNDS, math.ceil(_ENOUGH_MS / max(round_ms, 1e-3))))

    def run(self) -> None:
        # Warms up: the caches hold the weights of the model before.
        self._model.interpreter.invoke(self._tensor)
        self._times_ms += [self._measure_ms() for _ in range(_RUNS_PER_ROUND)]

    def result(self) -> Timing:
        return Timing(median_ms=median(self._times_ms))

    def _measure_ms(self) -> float:
        began_ns = time.process_time_ns()
        self._model.interpreter.invoke(self._tensor)
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
    print(msgspec.json.encode(measure_timings(request.timed_models)).decode())
