"""Evaluations of detectors as tables of text."""

from collections.abc import Sequence
from pathlib import Path

from edged_models.evaluation.results import Evaluation, SizeResult

Rows = list[tuple[str, ...]]
"""A table: the column headings, then the rows; all columns but the first hold numbers."""


def summary_rows(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return the figures over all classes, as name and value."""
    e = evaluation
    threads = f"{e.threads} thread{'s' * (e.threads > 1)}"
    alarms = format_number(e.false_alarms_per_empty_picture)
    pictures = f"{e.pictures_name}: {e.pictures}, {e.empty_pictures} of them without objects"
    return [
        ("model", f"{e.model}, {e.runtime}, {threads}"),
        ("pictures", pictures),
        *_object_rows(evaluation),
        ("false alarms", f"{alarms} per picture without objects, at score {e.min_score:g}"),
        ("invoke", f"{e.invoke_ms_p50:.2f} ms median, {e.invoke_ms_p95:.2f} ms p95"),
        ("took", f"{e.seconds:.1f} s"),
        *_ignored_label_rows(evaluation),
    ]


def _object_rows(e: Evaluation) -> list[tuple[str, str]]:
    if not e.objects:
        return [("note", "the pictures have no labels: every detection counts as a false alarm")]
    ap = f"{format_number(e.ap)} (at IoU 0.5 {format_number(e.ap50)}, at 0.75 {format_number(e.ap75)})"
    rates = f"precision {format_number(e.precision)}, recall {format_number(e.recall)}, F1 {format_number(e.f1)}"
    return [("objects", str(e.objects)), ("AP", ap), (f"at score {e.min_score:g}", rates)]


def _ignored_label_rows(e: Evaluation) -> list[tuple[str, str]]:
    rows = []
    if e.unknown_to_model:
        rows.append(("ignored", f"labels unknown to the model: {join_labels(e.unknown_to_model)}"))
    if e.not_in_pictures and e.objects:
        missing = join_labels(e.not_in_pictures)
        rows.append(("ignored", f"labels that the pictures lack: {missing}"))
    return rows


def label_rows(evaluation: Evaluation) -> Rows:
    """Return a row for each class that occurs in the pictures or caused a false alarm; without objects only the false alarms."""
    if not evaluation.objects:
        alarms = [(o.label, str(o.false_alarms)) for o in evaluation.by_label if o.false_alarms]
        return [("label", "false alarms"), *alarms]
    head = ("label", "objects", "AP", "AP50", "precision", "recall", "F1", "false alarms")
    rows = [
        (
            one.label,
            str(one.count),
            *(format_number(v) for v in (one.ap, one.ap50, one.precision, one.recall, one.f1)),
            str(one.false_alarms),
        )
        for one in evaluation.by_label
        if one.count or one.false_alarms
    ]
    return [head, *rows]


def size_rows(evaluation: Evaluation) -> Rows:
    """Return a row for each object size."""
    width, height = evaluation.input_px
    head = (f"size in the input of {width}x{height} px", "objects", "AP", "AP50")
    sizes = zip(_size_ranges(evaluation.by_size), evaluation.by_size, strict=True)
    rows = [
        (name, str(one.count), format_number(one.ap), format_number(one.ap50))
        for name, one in sizes
    ]
    return [head, *rows]


def comparison_rows(evaluations: Sequence[Evaluation]) -> Rows:
    """Return a row for each model."""
    head = ("model", "AP", "AP50", "AP75", "precision", "recall", "F1", "alarms/empty", "invoke ms")
    rows = [
        (
            name,
            *(format_number(v) for v in (e.ap, e.ap50, e.ap75, e.precision, e.recall, e.f1)),
            format_number(e.false_alarms_per_empty_picture),
            f"{e.invoke_ms_p50:.2f}",
        )
        for name, e in zip(short_names([e.model for e in evaluations]), evaluations, strict=True)
    ]
    return [head, *rows]


def label_comparison_rows(evaluations: Sequence[Evaluation]) -> Rows:
    """Return the AP50 of each class, with a column for each model."""
    head = ("AP50", *short_names([e.model for e in evaluations]))
    tables = [{one.label: one.ap50 for one in e.by_label} for e in evaluations]
    labels = dict.fromkeys(label for table in tables for label in table)
    return [head, *((label, *(format_number(t.get(label)) for t in tables)) for label in labels)]


def short_names(paths: Sequence[str]) -> list[str]:
    """Return the file names if they are all different, else the whole paths."""
    names = [Path(path).name for path in paths]
    return names if len(set(names)) == len(names) else list(paths)


def format_columns(rows: Rows) -> list[str]:
    """Return the table as lines for a terminal."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def format_markdown(rows: Rows) -> list[str]:
    """Return the table as lines of Markdown."""
    head, *body = rows
    rule = ("---", *("---:" for _ in head[1:]))
    return [f"| {' | '.join(row)} |" for row in (head, rule, *body)]


def format_number(value: float | None) -> str:
    """Return the number with three decimals, or a dash for None."""
    return "-" if value is None else f"{value:.3f}"


def _size_ranges(sizes: Sequence[SizeResult]) -> list[str]:
    """Return ``small, below 32``, ``medium, 32 to 96``, ``large, from 96``."""
    names, low = [], 0.0
    for one in sizes:
        if one.below_px is None:
            names.append(f"{one.size}, from {low:g}")
        elif low:
            names.append(f"{one.size}, {low:g} to {one.below_px:g}")
        else:
            names.append(f"{one.size}, below {one.below_px:g}")
        low = one.below_px or low
    return names


def join_labels(labels: Sequence[str], max_labels: int = 8) -> str:
    """Return the labels as a list; of many only the first, and how many more there are."""
    more = f" and {len(labels) - max_labels} more" if len(labels) > max_labels else ""
    return ", ".join(labels[:max_labels]) + more
