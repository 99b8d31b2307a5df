"""The tables of evaluations, of detectors and of classifiers."""

from collections.abc import Sequence

from edged_models.evaluation import classifier_report, report
from edged_models.evaluation.classifier_results import ClassifierEvaluation
from edged_models.evaluation.report import Rows, format_number
from edged_models.evaluation.results import Evaluation
from edged_models.evaluation.threshold_choice import ChosenThreshold

AnyEvaluation = Evaluation | ClassifierEvaluation


def summary_rows(evaluation: AnyEvaluation) -> list[tuple[str, str]]:
    """Return the figures over all classes, as name and value."""
    if isinstance(evaluation, Evaluation):
        return report.summary_rows(evaluation)
    return classifier_report.class_summary_rows(evaluation)


def list_detail_tables(evaluation: AnyEvaluation) -> list[Rows]:
    """Return the tables with the details of one evaluation; each has one row or more below its headings."""
    if isinstance(evaluation, Evaluation):
        tables = [report.label_rows(evaluation)]
        if evaluation.objects:
            tables.append(report.size_rows(evaluation))
    else:
        tables = [
            classifier_report.class_rows(evaluation),
            classifier_report.confused_rows(evaluation),
            classifier_report.reliability_rows(evaluation),
        ]
    return [table for table in tables if len(table) > 1]


def list_comparison_tables(evaluations: Sequence[AnyEvaluation]) -> list[Rows]:
    """Return the tables that show several evaluations side by side."""
    detectors = [one for one in evaluations if isinstance(one, Evaluation)]
    classifiers = [one for one in evaluations if isinstance(one, ClassifierEvaluation)]
    if detectors:
        tables = [report.comparison_rows(detectors), report.label_comparison_rows(detectors)]
    else:
        tables = [
            classifier_report.class_comparison_rows(classifiers),
            classifier_report.recall_comparison_rows(classifiers),
        ]
    return [table for table in tables if len(table) > 1]


def threshold_rows(thresholds: Sequence[ChosenThreshold]) -> Rows:
    """Return a row for each class with its chosen threshold and what it costs."""
    head = ("label", "threshold", "false alarms", "in pictures", "recall at 0.5", "recall", "of")
    rows = [
        (
            one.label,
            "none" if one.threshold is None else f"{one.threshold:.4g}",
            str(one.false_alarms),
            str(one.pictures_without),
            format_number(one.default_recall),
            format_number(one.recall),
            str(one.objects),
        )
        for one in thresholds
    ]
    return [head, *rows]
