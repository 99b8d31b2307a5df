"""Output of ``edged-models evaluate``: the printed tables, and the files that it writes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from edged_models import console
from edged_models.errors import ToolError
from edged_models.evaluation.classifier_results import ClassifierEvaluation
from edged_models.evaluation.results import Evaluation

if TYPE_CHECKING:
    from edged_models.evaluation.comparison import AnyResult, ModelComparison
    from edged_models.evaluation.evaluated_model import EvaluatedModel
    from edged_models.evaluation.threshold_choice import ChosenThreshold
    from edged_models.pictures.labelled import PictureSet


class EvaluateResult(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        evaluations: one for each model, in the order of the command line.
        comparisons: each further model compared with the first, if that was wanted.
        thresholds: the threshold of each class, if they were wanted.
        written: paths of the plots, the gallery, and the model with the thresholds.
    """

    evaluations: tuple[Evaluation | ClassifierEvaluation, ...]
    comparisons: "tuple[ModelComparison, ...]"
    thresholds: "tuple[ChosenThreshold, ...]"
    written: tuple[Path, ...]


def draw_plots(
    results: "Sequence[AnyResult]", *, curves: Path | None, confusion: Path | None
) -> list[Path]:
    """Draw the wanted plots, and return their paths.

    Args:
        results: one for each model.
        curves: path of the plot of curves; None for none.
        confusion: path of the plot of the first model's confusion matrix; None for none.

    Raises:
        ToolError: a file cannot be written.
    """
    from edged_models.evaluation import plots
    from edged_models.evaluation.evaluate import EvaluationResult
    from edged_models.evaluation.evaluate_classifier import ClassifierResult

    detectors = [one for one in results if isinstance(one, EvaluationResult)]
    classifiers = [one.evaluation for one in results if isinstance(one, ClassifierResult)]
    if curves and detectors:
        plots.draw_curves(detectors, curves)
    if curves and classifiers:
        plots.draw_reliability(classifiers, curves)
    if confusion:
        plots.draw_confusion(results[0].evaluation.confusion, confusion)
    return [path for path in (curves, confusion) if path]


def write_gallery(
    result: "AnyResult",
    model: "EvaluatedModel",
    pictures: "PictureSet",
    *,
    path: Path | None,
    limit: int,
) -> list[Path]:
    """Write the gallery, and return its path.

    Args:
        result: of the model on the pictures.
        model: the model.
        pictures: the set.
        path: of the page; None for none.
        limit: number of pictures on the page.

    Raises:
        ToolError: the file cannot be written, or a picture cannot be read.
    """
    from edged_models.evaluation.gallery import render_gallery
    from edged_models.files import write_text

    if path is None:
        return []
    write_text(path, render_gallery(result, pictures, limit=limit, labels=model.labels))
    return [path]


def write_thresholds(
    result: "AnyResult",
    model: "EvaluatedModel",
    thresholds: "Sequence[ChosenThreshold]",
    *,
    rate: float,
    path: Path | None,
) -> list[Path]:
    """Write a copy of the model with the chosen thresholds, and return its path.

    Args:
        result: of the model on the pictures.
        model: the model.
        thresholds: the chosen ones.
        rate: the false alarms for which they were chosen.
        path: of the copy, which may be the model's; None for none.

    Raises:
        ToolError: a class has no threshold, the model has no labels, or the file cannot be written.
    """
    from edged_models.conversion.tflite_model import read_model_bytes
    from edged_models.conversion.thresholds import merge_thresholds
    from edged_models.evaluation.threshold_choice import select_writable
    from edged_models.files import write_bytes

    if path is None:
        return []
    if not model.labels:
        raise ToolError(
            f"{model.path} has no labels, by which thresholds are written: add them with edged-models metadata"
        )
    chosen = select_writable(thresholds, rate)
    by_label = result.mapping.rename_to_model(chosen, model.labels)
    content = read_model_bytes(model.path)
    write_bytes(path, merge_thresholds(content, by_label, str(model.path)))
    return [path]


def format_lines(result: EvaluateResult, *, rate: float | None) -> list[str]:
    """Format the result as lines; `rate` is the wanted rate of false alarms."""
    from edged_models.evaluation import report, tables
    from edged_models.evaluation.comparison import describe_comparison

    blocks = [console.format_table(tables.summary_rows(one)) for one in result.evaluations]
    shown = (
        tables.list_comparison_tables(result.evaluations)
        if len(result.evaluations) > 1
        else tables.list_detail_tables(result.evaluations[0])
    )
    blocks += [report.format_columns(table) for table in shown]
    names = report.short_names([one.model for one in result.evaluations])
    blocks.append(
        [
            describe_comparison(one, name=name, baseline=names[0])
            for one, name in zip(result.comparisons, names[1:], strict=False)
        ]
    )
    if result.thresholds and rate is not None:
        blocks.append(_format_thresholds(result.thresholds, rate))
    blocks.append([f"wrote {path}" for path in result.written])
    return "\n\n".join("\n".join(block) for block in blocks if block).splitlines()


def _format_thresholds(thresholds: "Sequence[ChosenThreshold]", rate: float) -> list[str]:
    from edged_models.evaluation import report, tables

    head = f"thresholds for at most {rate:g} false alarms of a class per 1000 pictures that do not show it"
    table = report.format_columns(tables.threshold_rows(thresholds))
    return [head, *table, *_list_notes(thresholds, rate)]


def _list_notes(thresholds: "Sequence[ChosenThreshold]", rate: float) -> list[str]:
    """Return a note if the set is too small to show the rate: no alarm in N pictures leaves up to 3 in N, with 95 % confidence."""
    from edged_models.evaluation.threshold_choice import PER_PICTURES

    fewest = min(one.pictures_without for one in thresholds)
    if rate * fewest >= PER_PICTURES:
        return []
    shown = 3 * PER_PICTURES / fewest
    note = (
        f"{fewest} pictures are too few to show that rate: without any false alarm among them it may still be "
        f"{shown:.3g} per {PER_PICTURES} (95 % confidence)"
    )
    return [note]
