"""Evaluations of classifiers as tables of text."""

from collections.abc import Sequence

from edged_models.evaluation.classifier_results import ClassifierEvaluation
from edged_models.evaluation.report import Rows, format_number, join_labels, short_names

_MAX_CONFUSED = 10


def class_summary_rows(e: ClassifierEvaluation) -> list[tuple[str, str]]:
    """Return the figures over all classes, as name and value."""
    threads = f"{e.threads} thread{'s' * (e.threads > 1)}"
    top5 = f", top-5 {format_number(e.top5)}" if e.top5 is not None else ""
    reported = f"{e.reported:.3f} of the pictures are reported, {format_number(e.reported_accuracy)} of these right"
    return [
        ("model", f"{e.model}, {e.runtime}, {threads}"),
        ("pictures", f"{e.pictures_name}: {e.pictures}"),
        ("accuracy", f"top-1 {format_number(e.top1)}{top5}"),
        (f"at score {e.min_score:g}", reported),
        ("calibration error", f"{e.calibration_error:.3f} (expected, over 15 ranges of the score)"),
        ("invoke", f"{e.invoke_ms_p50:.2f} ms median, {e.invoke_ms_p95:.2f} ms p95"),
        ("took", f"{e.seconds:.1f} s"),
        *_ignored_rows(e),
    ]


def class_rows(e: ClassifierEvaluation) -> Rows:
    """Return a row for each class."""
    head = ("label", "pictures", "precision", "recall", "F1")
    rows = [
        (one.label, str(one.count), *map(format_number, (one.precision, one.recall, one.f1)))
        for one in e.by_label
    ]
    return [head, *rows]


def confused_rows(e: ClassifierEvaluation) -> Rows:
    """Return the pairs of classes that are most often confused, at most ten."""
    labels = e.confusion.labels
    pairs = [
        (count, labels[row], labels[column])
        for row, counts in enumerate(e.confusion.counts)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    pairs.sort(key=lambda pair: -pair[0])
    rows = [(true, best, str(count)) for count, true, best in pairs[:_MAX_CONFUSED]]
    return [("is", "taken for", "pictures"), *rows]


def reliability_rows(e: ClassifierEvaluation) -> Rows:
    """Return a row for each range of the best score that has pictures."""
    rows = [
        (
            f"{one.low:.3f} to {one.high:.3f}",
            str(one.count),
            format_number(one.mean_score),
            format_number(one.accuracy),
        )
        for one in e.reliability
        if one.count
    ]
    return [("best score", "pictures", "mean score", "accuracy"), *rows]


def class_comparison_rows(evaluations: Sequence[ClassifierEvaluation]) -> Rows:
    """Return a row for each model."""
    head = ("model", "top-1", "top-5", "reported", "right of these", "calibration", "invoke ms")
    rows = [
        (
            name,
            *map(
                format_number,
                (e.top1, e.top5, e.reported, e.reported_accuracy, e.calibration_error),
            ),
            f"{e.invoke_ms_p50:.2f}",
        )
        for name, e in zip(short_names([e.model for e in evaluations]), evaluations, strict=True)
    ]
    return [head, *rows]


def recall_comparison_rows(evaluations: Sequence[ClassifierEvaluation]) -> Rows:
    """Return the recall of each class, with a column for each model."""
    head = ("recall", *short_names([e.model for e in evaluations]))
    tables = [{one.label: one.recall for one in e.by_label} for e in evaluations]
    labels = dict.fromkeys(label for table in tables for label in table)
    return [head, *((label, *(format_number(t.get(label)) for t in tables)) for label in labels)]


def _ignored_rows(e: ClassifierEvaluation) -> list[tuple[str, str]]:
    rows = []
    if e.ignored_pictures:
        unknown = join_labels(e.unknown_to_model)
        rows.append(("ignored", f"{e.ignored_pictures} pictures of unknown classes: {unknown}"))
    if e.not_in_pictures:
        missing = join_labels(e.not_in_pictures)
        rows.append(("other", f"classes that the pictures lack: {missing}"))
    return rows
