"""``edged-models evaluate``: how good models are on labelled pictures."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged.terminal.numbers import integer_in_range, number_in_range
from edged_models import console
from edged_models.errors import ToolError
from edged_models.evaluation.results import Evaluation

if TYPE_CHECKING:
    from edged_models.evaluation.evaluate import EvaluationResult

_MAX_THREADS = 64
_MAX_PICTURES = 10_000_000
_PLOT_SUFFIXES = (".png", ".svg", ".pdf")


class EvaluateResult(Struct, frozen=True, kw_only=True):
    """What the command answers.

    Attributes:
        evaluations: one for each model, in the order given.
        plots: the pictures that were drawn.
    """

    evaluations: tuple[Evaluation, ...]
    plots: tuple[Path, ...]


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "evaluate",
        help="judge models on labelled pictures: average precision, confusion, false alarms",
        description="Tries each model in a sandboxed process, then shows it the pictures through the daemon's own encoding and "
        "decoding, and counts. With several models their figures stand side by side.",
    )
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="a .tflite file")
    parser.add_argument(
        "pictures",
        metavar="PICTURES",
        help="a COCO or YOLO folder, an annotation file, a clip with its .tsv, a plain folder, or scenes:held-out[:N]",
    )
    parser.add_argument("--runtime", choices=["auto", "litert", "tflite"], default="auto")
    parser.add_argument(
        "--threads",
        type=integer_in_range(min_value=1, max_value=_MAX_THREADS),
        default=1,
        metavar="N",
    )
    parser.add_argument(
        "--min-score",
        type=number_in_range(min_value=0, max_value=1),
        default=0.5,
        metavar="S",
        help="threshold of precision, recall, confusion and false alarms (0.5)",
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="the models' labels, one a line"
    )
    parser.add_argument(
        "--limit",
        type=integer_in_range(min_value=1, max_value=_MAX_PICTURES),
        metavar="N",
        help="at most so many pictures, evenly spread",
    )
    parser.add_argument(
        "--curves", type=_parse_plot_path, metavar="FILE", help="draw precision over recall"
    )
    parser.add_argument(
        "--confusion", type=_parse_plot_path, metavar="FILE", help="draw what was taken for what"
    )
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Judge, draw what is asked for, and print the figures.

    Raises:
        EdgedError: a model or the pictures cannot be used, or a drawing cannot be written.
    """
    from edged_models.evaluation.evaluate import evaluate_models
    from edged_models.evaluation.evaluated_model import EvaluatedModel
    from edged_models.pictures.open_pictures import open_pictures
    from edged_models.pictures.subset import take_evenly

    if args.confusion and len(args.models) > 1:
        args.usage("--confusion is of one model")
    pictures = take_evenly(open_pictures(args.pictures), args.limit)
    if (args.curves or args.confusion) and not pictures.labels:
        raise ToolError(f"{args.pictures} has no labels: there are no curves to draw")
    watch = partial(console.track_progress, description="judging", total=len(pictures))
    with ExitStack() as stack:
        contenders = [
            stack.enter_context(
                EvaluatedModel(
                    path, runtime=args.runtime, threads=args.threads, labels_file=args.labels
                )
            )
            for path in args.models
        ]
        judgements = evaluate_models(contenders, pictures, min_score=args.min_score, track=watch)
    result = EvaluateResult(
        evaluations=tuple(judgement.evaluation for judgement in judgements),
        plots=_draw_plots(args, judgements),
    )
    console.print_result(args, result, _format_lines(result))
    return 0


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
    if len(result.evaluations) > 1:
        tables = [
            report.comparison_rows(result.evaluations),
            report.label_comparison_rows(result.evaluations),
        ]
    elif evaluation.objects:
        tables = [report.label_rows(evaluation), report.size_rows(evaluation)]
    else:
        tables = [report.label_rows(evaluation)]
    for table in tables:
        if len(table) > 1:
            lines += [*report.format_columns(table), ""]
    lines += [f"drawn {path}" for path in result.plots]
    return lines if lines[-1] else lines[:-1]


def _parse_plot_path(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in _PLOT_SUFFIXES:
        raise argparse.ArgumentTypeError(f"name it {', '.join(_PLOT_SUFFIXES)}, not {text!r}")
    return path
