"""The difference of two models on the same pictures, with its confidence interval by paired bootstrap over the pictures."""

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edged_models.errors import ToolError
from edged_models.evaluation.class_matches import mean_average_precision
from edged_models.evaluation.class_scores import ClassScores
from edged_models.evaluation.evaluate import EvaluationResult
from edged_models.evaluation.evaluate_classifier import ClassifierResult

CONFIDENCE = 0.95
AnyResult = EvaluationResult | ClassifierResult
_Metric = Callable[[NDArray[np.int64]], float | None]


class ModelComparison(Struct, frozen=True, kw_only=True):
    """One model compared with another on the same pictures.

    Attributes:
        baseline: path of the model that it is compared with.
        model: path of the model.
        metric: ``AP``, or ``top-1`` for classifiers.
        baseline_value: the baseline's value.
        value: the model's value.
        difference: `value` minus `baseline_value`.
        low: lower end of the difference's 95 % confidence interval.
        high: its upper end.
        verdict: ``better`` or ``worse`` if the interval does not contain 0.
        pictures: number of pictures, which were drawn with replacement.
        resamples: how often.
        seed: seed of the draws.
    """

    baseline: str
    model: str
    metric: Literal["AP", "top-1"]
    baseline_value: float
    value: float
    difference: float
    low: float
    high: float
    verdict: Literal["better", "worse", "not distinguishable"]
    pictures: int
    resamples: int
    seed: int


def compare_results(
    baseline: AnyResult,
    result: AnyResult,
    *,
    resamples: int,
    seed: int,
    track: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> ModelComparison:
    """Compare two models that were evaluated on the same pictures.

    Each resample draws as many pictures as there are, with replacement, the same for both models.

    Args:
        baseline: the result of the model to compare with.
        result: the result of the other.
        resamples: number of draws.
        seed: seed of the draws.
        track: called with the numbers of the resamples, for a progress bar.

    Raises:
        ToolError: the models were evaluated on different classes, or the pictures have no labels.
    """
    if baseline.mapping.labels != result.mapping.labels:
        raise ToolError(
            f"{baseline.evaluation.model} and {result.evaluation.model} cannot be compared: they know different classes of the pictures"
        )
    name, first, count = _build_metric(baseline)
    _, second, _ = _build_metric(result)
    before, after = (metric(np.ones(count, np.int64)) for metric in (first, second))
    if before is None or after is None:
        raise ToolError(f"{baseline.evaluation.pictures_name} has no labels: nothing to compare")
    differences = _resample(first, second, count, seed=seed, numbers=track(range(resamples)))
    low, high = np.quantile(differences, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return ModelComparison(
        baseline=baseline.evaluation.model,
        model=result.evaluation.model,
        metric=name,
        baseline_value=before,
        value=after,
        difference=after - before,
        low=float(low),
        high=float(high),
        verdict="better" if low > 0 else "worse" if high < 0 else "not distinguishable",
        pictures=count,
        resamples=resamples,
        seed=seed,
    )


def describe_comparison(one: ModelComparison, *, name: str, baseline: str) -> str:
    """Return a sentence on a comparison.

    Args:
        one: the comparison.
        name: short name of the model.
        baseline: short name of the model that it is compared with.
    """
    head = (
        f"{name} is not distinguishable from {baseline}"
        if one.verdict == "not distinguishable"
        else f"{name} is {one.verdict} than {baseline}"
    )
    return (
        f"{head}: {one.metric} {one.value:.3f} against {one.baseline_value:.3f}, difference {one.difference:+.3f} "
        f"({one.low:+.3f} to {one.high:+.3f} with 95 % confidence; {one.resamples} resamples of {one.pictures} pictures, seed {one.seed})"
    )


def _build_metric(result: AnyResult) -> tuple[Literal["AP", "top-1"], _Metric, int]:
    """Return the metric's name, the metric of pictures of which each occurs so often, and the number of pictures."""
    if isinstance(result, EvaluationResult):
        matches = result.precisions.matches
        return "AP", lambda weights: mean_average_precision(matches, weights), len(result.results)
    is_right = ClassScores.collect(result.answers).is_right
    return "top-1", lambda weights: float(weights @ is_right / weights.sum()), len(is_right)


def _resample(
    first: _Metric, second: _Metric, count: int, *, seed: int, numbers: Iterable[int]
) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    differences = []
    for _ in numbers:
        weights = rng.multinomial(count, np.full(count, 1 / count))
        before, after = first(weights), second(weights)
        # A draw without any object tells nothing.
        if before is not None and after is not None:
            differences.append(after - before)
    return np.array(differences)
