"""``edged-models evaluate``: measure the accuracy of models on labelled pictures."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged_models import console
from edged_models.cli.options import (
    add_labels_option,
    add_limit_option,
    add_min_score_option,
    add_runtime_option,
    add_threads_option,
)
from edged_models.errors import ToolError
from edged_models.evaluation.results import Evaluation

if TYPE_CHECKING:
    from edged_models.evaluation.evaluate import EvaluationResult
    from edged_models.pictures.labelled import PictureSet

_MAX_THREADS = 64
_PLOT_SUFFIXES = (".png", ".svg", ".pdf")


class EvaluateResult(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        evaluations: one for each model, in the order of the command line.
        plots: paths of the plots.
    """

    evaluations: tuple[Evaluation, ...]
    plots: tuple[Path, ...]


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "evaluate",
        help="evaluate models on labelled pictures: average precision, confusion, false alarms",
        description="Tests each model in a sandboxed process, then runs it on the pictures with the daemon's own encoding and "
        "decoding, and compares the detections with the labels. Several models are compared side by side.",
    )
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="a .tflite file")
    parser.add_argument(
        "pictures",
        metavar="PICTURES",
        help="a COCO or YOLO folder, an annotation file, a clip with its .tsv, a plain folder, or scenes:held-out[:N]",
    )
    add_runtime_option(parser)
    add_threads_option(parser, max_value=_MAX_THREADS)
    add_min_score_option(parser, text="threshold of precision, recall, confusion and false alarms")
    add_labels_option(parser)
    add_limit_option(parser, text="at most so many pictures, evenly spread")
    parser.add_argument(
        "--curves", type=_parse_plot_path, metavar="FILE", help="plot precision over recall"
    )
    parser.add_argument(
        "--confusion", type=_parse_plot_path, metavar="FILE", help="plot the confusion matrix"
    )
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Evaluate the models, draw the plots, and print the figures.

    Raises:
        EdgedError: a model or the pictures cannot be used, or a plot cannot be written.
    """
    from edged_models.pictures.open_pictures import open_pictures
    from edged_models.pictures.subset import take_evenly

    if args.confusion and len(args.models) > 1:
        args.usage("--confusion takes only one MODEL")
    pictures = take_evenly(open_pictures(args.pictures), args.limit)
    if (args.curves or args.confusion) and not pictures.labels:
        raise ToolError(f"{args.pictures} has no labels: there is nothing to plot")
    results = _evaluate(args, pictures)
    evaluations = tuple(one.evaluation for one in results)
    result = EvaluateResult(evaluations=evaluations, plots=_draw_plots(args, results))
    console.print_result(args, result, _format_lines(result))
    return 0


def _evaluate(args: argparse.Namespace, pictures: "PictureSet") -> "Sequence[EvaluationResult]":
    from edged_models.evaluation.evaluate import evaluate_models
    from edged_models.evaluation.evaluated_model import EvaluatedModel

    track = partial(console.track_progress, description="evaluating", total=len(pictures))
    with ExitStack() as stack:
        models = [
            stack.enter_context(
                EvaluatedModel(
                    path, runtime=args.runtime, threads=args.threads, labels_file=args.labels
                )
            )
            for path in args.models
        ]
        return evaluate_models(models, pictures, min_score=args.min_score, track=track)


def _draw_plots(
    args: argparse.Namespace, results: "Sequence[EvaluationResult]"
) -> tuple[Path, ...]:
    from edged_models.evaluation.plots import draw_confusion, draw_curves

    if args.curves:
        draw_curves(results, args.curves)
    if args.confusion:
        draw_confusion(results[0].evaluation.confusion, args.confusion)
    return tuple(path for path in (args.curves, args.confusion) if path)


def _format_lines(result: EvaluateResult) -> list[str]:
    from edged_models.evaluation import report

    lines: list[str] = []
    for evaluation in result.evaluations:
        lines += [*console.format_table(report.summary_rows(evaluation)), ""]
    for table in _list_tables(result.evaluations):
        if len(table) > 1:
            lines += [*report.format_columns(table), ""]
    lines += [f"plotted {path}" for path in result.plots]
    return lines if lines[-1] else lines[:-1]


def _list_tables(evaluations: Sequence[Evaluation]) -> list[Any]:
    from edged_models.evaluation import report

    first = evaluations[0]
    if len(evaluations) > 1:
        return [report.comparison_rows(evaluations), report.label_comparison_rows(evaluations)]
    if first.objects:
        return [report.label_rows(first), report.size_rows(first)]
    return [report.label_rows(first)]


def _parse_plot_path(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in _PLOT_SUFFIXES:
        raise argparse.ArgumentTypeError(
            f"expected a file that ends in {', '.join(_PLOT_SUFFIXES)}, got {text!r}"
        )
    return path
