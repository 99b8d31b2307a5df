"""Evaluations as pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from edged_models.evaluation.judging import Judgement
from edged_models.evaluation.report import number, short_names
from edged_models.evaluation.results import Confusion
from edged_models.evaluation.threshold import rates
from edged_models.files import replacing

_RECALLS = np.linspace(0, 1, 101)
_SCORES = np.linspace(0, 1, 101)
_MOST_WRITTEN = 20
"""In a larger matrix numbers cannot be read."""


def draw_curves(judgements: Sequence[Judgement], path: Path) -> None:
    """Precision over recall, and what each threshold gives: of the classes of one model, or of several models.

    Raises:
        ToolError: the picture cannot be written.
    """
    figure = Figure(figsize=(13, 6), layout="constrained")
    left, right = figure.subplots(1, 2)
    if len(judgements) == 1:
        _one(left, right, judgements[0])
    else:
        _several(left, right, judgements)
    left.set(xlabel="recall", ylabel="precision", title="at IoU 0.5", xlim=(0, 1), ylim=(0, 1.02))
    right.set(xlabel="threshold", title="at each threshold", xlim=(0, 1), ylim=(0, 1.02))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(loc="lower left", fontsize="small")
    _save(figure, path)


def draw_confusion(confusion: Confusion, path: Path) -> None:
    """True classes against found ones; the colour is the share of the row.

    Raises:
        ToolError: the picture cannot be written.
    """
    counts = np.array(confusion.counts, np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(6.0, 0.5 * len(counts) + 3)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(counts))
    axes.set_xticks(ticks, confusion.labels, rotation=90)
    axes.set_yticks(ticks, confusion.labels)
    axes.set(xlabel="found", ylabel="true")
    if len(counts) <= _MOST_WRITTEN:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                colour = "white" if shares[row, column] > 0.5 else "black"  # noqa: PLR2004 - half of the scale
                axes.text(column, row, f"{count:.0f}", ha="center", va="center", color=colour)
    _save(figure, path)


def _one(left: Any, right: Any, judgement: Judgement) -> None:
    evaluation, precisions = judgement.evaluation, judgement.precisions
    for place, one in enumerate(evaluation.by_label):
        if one.count:
            left.plot(_RECALLS, precisions.curve(place), label=f"{one.label} {number(one.ap50)}")
    mean = f"mean {number(evaluation.ap50)}"
    left.plot(_RECALLS, precisions.curve(), "k", linewidth=2.5, label=mean)
    for name in ("precision", "recall", "f1"):
        right.plot(_SCORES, _over_scores(judgement, name), label=name)
    right.axvline(evaluation.min_score, color="grey", linestyle=":")


def _several(left: Any, right: Any, judgements: Sequence[Judgement]) -> None:
    names = short_names([judgement.evaluation.model for judgement in judgements])
    for name, judgement in zip(names, judgements, strict=True):
        label = f"{name} {number(judgement.evaluation.ap50)}"
        left.plot(_RECALLS, judgement.precisions.curve(), label=label)
        right.plot(_SCORES, _over_scores(judgement, "f1"), label=f"F1 {name}")


def _over_scores(judgement: Judgement, name: str) -> list[float]:
    ranked = judgement.precisions.ranked
    values = (getattr(rates(ranked, score), name) for score in _SCORES)
    return [np.nan if value is None else value for value in values]


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as partial:
        figure.savefig(partial, dpi=110)
