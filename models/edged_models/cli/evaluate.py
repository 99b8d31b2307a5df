"""``edged-models evaluate``: measure the accuracy of models on labelled pictures."""

import argparse
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edged.terminal.numbers import integer_in_range, number_in_range
from edged_models import console
from edged_models.cli.evaluate_output import EvaluateResult, format_lines
from edged_models.cli.options import (
    add_labels_option,
    add_limit_option,
    add_min_score_option,
    add_runtime_option,
    add_skip_bad_option,
    add_threads_option,
)
from edged_models.errors import ToolError

if TYPE_CHECKING:
    from edged_models.evaluation.comparison import AnyResult, ModelComparison
    from edged_models.evaluation.evaluated_model import EvaluatedModel
    from edged_models.evaluation.threshold_choice import ChosenThreshold
    from edged_models.pictures.labelled import PictureSet

_MAX_THREADS = 64
_MIN_RESAMPLES, _MAX_RESAMPLES = 100, 100_000
_MAX_SEED = (1 << 32) - 1
_MAX_RATE = 1000
_MAX_GALLERY = 10_000
_PLOT_SUFFIXES = (".png", ".svg", ".pdf")
_PAGE_SUFFIXES = (".html", ".htm")


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "evaluate",
        help="evaluate models on labelled pictures: average precision or accuracy, confusion, false alarms",
        description="Tests each model in a sandboxed process, then runs it on the pictures with the daemon's own encoding and "
        "decoding, and compares the results with the labels: boxes for a detector, one class a picture for a classifier. Several "
        "models are compared side by side.",
    )
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="a .tflite file")
    parser.add_argument(
        "pictures",
        metavar="PICTURES",
        help="a COCO or YOLO folder, an annotation file, a clip with its .tsv, a plain folder, or scenes:held-out[:N]; for a "
        "classifier a folder with a subfolder for each class",
    )
    add_runtime_option(parser)
    add_threads_option(parser, max_value=_MAX_THREADS)
    add_min_score_option(
        parser,
        text="threshold of precision, recall, confusion and false alarms, and of what a classifier reports",
    )
    add_labels_option(parser)
    add_limit_option(parser, text="at most so many pictures, evenly spread")
    _add_picture_options(parser)
    _add_comparison_options(parser)
    _add_threshold_options(parser)
    add_skip_bad_option(parser)
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def _add_picture_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--curves",
        type=partial(_parse_path, suffixes=_PLOT_SUFFIXES),
        metavar="FILE",
        help="plot precision over recall; for classifiers, accuracy over the score",
    )
    parser.add_argument(
        "--confusion",
        type=partial(_parse_path, suffixes=_PLOT_SUFFIXES),
        metavar="FILE",
        help="plot the confusion matrix",
    )
    parser.add_argument(
        "--gallery",
        type=partial(_parse_path, suffixes=_PAGE_SUFFIXES),
        metavar="FILE.html",
        help="write a page of pictures with true and detected boxes, or classes, worst first",
    )
    parser.add_argument(
        "--gallery-limit",
        type=integer_in_range(min_value=1, max_value=_MAX_GALLERY),
        default=100,
        metavar="N",
        help="at most so many pictures on the page (%(default)s)",
    )


def _add_comparison_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--compare",
        action="store_true",
        help="say whether each further MODEL is better than the first: difference of AP, or of accuracy, with its 95 %% confidence "
        "interval by paired bootstrap over the pictures",
    )
    parser.add_argument(
        "--resamples",
        type=integer_in_range(min_value=_MIN_RESAMPLES, max_value=_MAX_RESAMPLES),
        default=1000,
        metavar="N",
        help="number of bootstrap resamples (%(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=integer_in_range(min_value=0, max_value=_MAX_SEED),
        default=0,
        metavar="N",
        help="seed of the resamples (%(default)s)",
    )


def _add_threshold_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--thresholds-for",
        type=number_in_range(min_value=0, max_value=_MAX_RATE),
        metavar="RATE",
        help="choose for each class the lowest threshold, from 0.5 to 1, that gives at most RATE false alarms per 1000 pictures that "
        "do not show the class, and print the recall that it costs",
    )
    parser.add_argument(
        "--write-thresholds",
        type=Path,
        metavar="FILE",
        help="write a copy of MODEL that recommends these thresholds; FILE may be MODEL",
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate the models, write what is wanted, and print the figures.

    Raises:
        EdgedError: a model or the pictures cannot be used, or a file cannot be written.
    """
    from edged_models.cli import evaluate_output
    from edged_models.cli.opened_pictures import open_for_command
    from edged_models.evaluation.evaluated_model import EvaluatedModel
    from edged_models.pictures.subset import take_evenly

    _check_usage(args)
    pictures = take_evenly(open_for_command(args.pictures, skip_bad=args.skip_bad), args.limit)
    if not pictures.labels:
        _check_unlabelled(args)
    with ExitStack() as stack:
        models = [
            stack.enter_context(
                EvaluatedModel(
                    path, runtime=args.runtime, threads=args.threads, labels_file=args.labels
                )
            )
            for path in args.models
        ]
        results = _evaluate(args, models, pictures)
    comparisons = _compare(args, results)
    thresholds = _choose_thresholds(args, results)
    written = [
        *evaluate_output.draw_plots(results, curves=args.curves, confusion=args.confusion),
        *evaluate_output.write_gallery(
            results[0], models[0], pictures, path=args.gallery, limit=args.gallery_limit
        ),
        *evaluate_output.write_thresholds(
            results[0], models[0], thresholds, rate=args.thresholds_for, path=args.write_thresholds
        ),
    ]
    result = EvaluateResult(
        evaluations=tuple(one.evaluation for one in results),
        comparisons=comparisons,
        thresholds=thresholds,
        written=tuple(written),
    )
    console.print_result(args, result, format_lines(result, rate=args.thresholds_for))
    return 0


def _check_usage(args: argparse.Namespace) -> None:
    for option in ("confusion", "gallery", "thresholds_for"):
        if getattr(args, option) is not None and len(args.models) > 1:
            args.usage(f"--{option.replace('_', '-')} takes only one MODEL")
    if args.compare and len(args.models) == 1:
        args.usage("--compare takes two MODELs or more")
    if args.write_thresholds and args.thresholds_for is None:
        args.usage("--write-thresholds needs --thresholds-for")


def _check_unlabelled(args: argparse.Namespace) -> None:
    if args.curves or args.confusion:
        raise ToolError(f"{args.pictures} has no labels: there is nothing to plot")
    if args.compare:
        raise ToolError(f"{args.pictures} has no labels: there is nothing to compare by")


def _evaluate(
    args: argparse.Namespace, models: "list[EvaluatedModel]", pictures: "PictureSet"
) -> "list[AnyResult]":
    from edged_models.evaluation.evaluate_any import evaluate_any

    track = partial(console.track_progress, description="evaluating", total=len(pictures))
    return evaluate_any(models, pictures, min_score=args.min_score, track=track)


def _compare(args: argparse.Namespace, results: "list[AnyResult]") -> "tuple[ModelComparison, ...]":
    from edged_models.evaluation.comparison import compare_results

    if not args.compare:
        return ()
    track = partial(console.track_progress, description="resampling", total=args.resamples)
    return tuple(
        compare_results(results[0], one, resamples=args.resamples, seed=args.seed, track=track)
        for one in results[1:]
    )


def _choose_thresholds(
    args: argparse.Namespace, results: "list[AnyResult]"
) -> "tuple[ChosenThreshold, ...]":
    from edged_models.evaluation.threshold_choice import choose_thresholds

    if args.thresholds_for is None:
        return ()
    return choose_thresholds(results[0], args.thresholds_for)


def _parse_path(text: str, *, suffixes: tuple[str, ...]) -> Path:
    path = Path(text)
    if path.suffix.lower() not in suffixes:
        raise argparse.ArgumentTypeError(
            f"expected a file that ends in {', '.join(suffixes)}, got {text!r}"
        )
    return path
