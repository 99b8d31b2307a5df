"""Plots of evaluations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edged_models.evaluation.classifier_results import ClassifierEvaluation
from edged_models.evaluation.evaluate import EvaluationResult
from edged_models.evaluation.report import format_number, short_names
from edged_models.evaluation.results import Confusion
from edged_models.evaluation.threshold import compute_rates
from edged_models.files import atomic_replacement

_RECALLS = np.linspace(0, 1, 101)
_SCORES = np.linspace(0, 1, 101)
_MAX_ANNOTATED_ROWS = 20
"""In a larger matrix the numbers are unreadable."""


def draw_curves(results: Sequence[EvaluationResult], path: Path) -> None:
    """Plot precision over recall, and the rates at each threshold: for each class of one model, or for several models.

    Raises:
        ToolError: the file cannot be written.
    """
    figure = Figure(figsize=(13, 6), layout="constrained")
    left, right = figure.subplots(1, 2)
    if len(results) == 1:
        _plot_single(left, right, results[0])
    else:
        _plot_several(left, right, results)
    left.set(xlabel="recall", ylabel="precision", title="at IoU 0.5", xlim=(0, 1), ylim=(0, 1.02))
    right.set(xlabel="threshold", title="at each threshold", xlim=(0, 1), ylim=(0, 1.02))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(loc="lower left", fontsize="small")
    _save_figure(figure, path)


def draw_confusion(confusion: Confusion, path: Path) -> None:
    """Plot true classes against detected ones; the colour is the share of the row.

    Raises:
        ToolError: the file cannot be written.
    """
    counts = np.array(confusion.counts, np.float64)
    side = max(6.0, 0.5 * len(counts) + 3)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    _draw_matrix(axes, counts)
    ticks = range(len(counts))
    axes.set_xticks(ticks, confusion.labels, rotation=90)
    axes.set_yticks(ticks, confusion.labels)
    axes.set(xlabel="detected", ylabel="true")
    _save_figure(figure, path)


def draw_reliability(evaluations: Sequence[ClassifierEvaluation], path: Path) -> None:
    """Plot accuracy over the best score, for several classifiers; a calibrated one is on the diagonal.

    Raises:
        ToolError: the file cannot be written.
    """
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.subplots()
    axes.plot((0, 1), (0, 1), color="grey", linestyle=":")
    names = short_names([one.model for one in evaluations])
    for name, one in zip(names, evaluations, strict=True):
        bins = [bin_ for bin_ in one.reliability if bin_.count]
        label = f"{name}, calibration error {one.calibration_error:.3f}"
        axes.plot([b.mean_score for b in bins], [b.accuracy for b in bins], "o-", label=label)
    axes.set(xlabel="best score", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize="small")
    _save_figure(figure, path)


def _draw_matrix(axes: Any, counts: NDArray[np.float64]) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(counts) > _MAX_ANNOTATED_ROWS:
        return
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"  # noqa: PLR2004 - half of the scale
            axes.text(column, row, f"{count:.0f}", ha="center", va="center", color=colour)


def _plot_single(left: Any, right: Any, result: EvaluationResult) -> None:
    evaluation, precisions = result.evaluation, result.precisions
    for index, one in enumerate(evaluation.by_label):
        if one.count:
            name = f"{one.label} {format_number(one.ap50)}"
            left.plot(_RECALLS, precisions.curve(index), label=name)
    mean = f"mean {format_number(evaluation.ap50)}"
    left.plot(_RECALLS, precisions.curve(), "k", linewidth=2.5, label=mean)
    for name in ("precision", "recall", "f1"):
        right.plot(_SCORES, _metric_over_scores(result, name), label=name)
    right.axvline(evaluation.min_score, color="grey", linestyle=":")


def _plot_several(left: Any, right: Any, results: Sequence[EvaluationResult]) -> None:
    names = short_names([result.evaluation.model for result in results])
    for name, result in zip(names, results, strict=True):
        label = f"{name} {format_number(result.evaluation.ap50)}"
        left.plot(_RECALLS, result.precisions.curve(), label=label)
        right.plot(_SCORES, _metric_over_scores(result, "f1"), label=f"F1 {name}")


def _metric_over_scores(result: EvaluationResult, metric: str) -> list[float]:
    ranked = result.precisions.ranked
    values = (getattr(compute_rates(ranked, score), metric) for score in _SCORES)
    return [np.nan if value is None else value for value in values]


def _save_figure(figure: Figure, path: Path) -> None:
    with atomic_replacement(path) as partial:
        figure.savefig(partial, dpi=110)
