"""Comparison of the engines on one model: error, size, and latency on both runtimes."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from edged_models.errors import SourceError
from edged_models.quantization.output_error import OutputReference
from edged_models.quantization.runtime_trial import RUNTIMES, TrialResult, try_models
from edged_models.quantization.scheme import EngineName

_EQUAL_ERRORS = 0.02
"""Errors that differ by less than this share are equal: then the size decides."""


class EngineResult(Struct, frozen=True, kw_only=True):
    """Result of one engine.

    Attributes:
        engine: its name.
        refusal: why it made nothing; None if it made a model.
        error: error of the outputs; see `OutputReference`.
        bytes: size of the file.
        runtimes: how it did on each runtime.
        is_best: whether it was chosen.
    """

    engine: str
    refusal: str | None = None
    error: float | None = None
    bytes: int | None = None
    runtimes: dict[str, TrialResult] = {}  # of a frozen Struct
    is_best: bool = False


def compare_engines(
    builds: dict[EngineName, Callable[[], bytes]], reference: OutputReference
) -> tuple[bytes, tuple[EngineResult, ...]]:
    """Make the model with each engine, and choose: by what runs on more runtimes, by error, then by size.

    Args:
        builds: makes the model, for each engine.
        reference: the float model's outputs.

    Returns:
        The chosen model, and the results of all engines.

    Raises:
        SourceError: no engine can make the model.
        ToolError: a runtime ended while it ran a model.
    """
    models: dict[EngineName, bytes] = {}
    refusals: list[EngineResult] = []
    for engine, build in builds.items():
        try:
            models[engine] = build()
        except SourceError as error:
            refusals.append(EngineResult(engine=engine.value, refusal=str(error)))
    if not models:
        raise SourceError("; ".join(f"{one.engine}: {one.refusal}" for one in refusals))
    results = _measure(models, reference)
    best = choose_best(results)
    marked = tuple(
        msgspec.structs.replace(one, is_best=one is best) for one in (*results, *refusals)
    )
    return models[EngineName(best.engine)], marked


def _measure(models: dict[EngineName, bytes], reference: OutputReference) -> list[EngineResult]:
    trials = {runtime: try_models(list(models.values()), runtime) for runtime in RUNTIMES}
    return [
        EngineResult(
            engine=engine.value,
            error=reference.measure(model).error,
            bytes=len(model),
            runtimes={runtime: trials[runtime][index] for runtime in RUNTIMES},
        )
        for index, (engine, model) in enumerate(models.items())
    ]


def choose_best(results: Sequence[EngineResult]) -> EngineResult:
    """Return the best result, of those that made a model."""

    def runs_on(one: EngineResult) -> int:
        return sum(trial.problem is None for trial in one.runtimes.values())

    most = max(map(runs_on, results))
    running = [one for one in results if runs_on(one) == most]
    least = min(one.error or 0.0 for one in running)
    equal = [one for one in running if (one.error or 0.0) <= least * (1 + _EQUAL_ERRORS)]
    return min(equal, key=lambda one: one.bytes or 0)
