"""``edged-models train``: a detector of printed marks, or of what is in your own pictures."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged.cli.numbers import integer_in_range, number_in_range
from edged.marks import MARK_LABELS
from edged_models.console import add_json_option, format_table, print_result, progress_bar
from edged_models.errors import PicturesError, SourceError
from edged_models.threads import limit_threads

if TYPE_CHECKING:
    from edged_models.detector.checkpoint import Checkpoint
    from edged_models.pictures.labelled import PictureSet
    from edged_models.training.train import TrainingPlan

_SIDES_PX = (320, 256, 192)
_DEFAULT_STEPS = 20_000
_FRESH_RATE, _TUNING_RATE = 2e-3, 1e-3
_VALIDATION_PICTURES = 150
_MIN_PICTURES = 20
_HOLD_OUT_EVERY = 10
_SIDE_MULTIPLE_PX = 32


class TrainResult(Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        checkpoint: the weights' file.
        journal: the training's account, a JSON object a line.
        weights: digest of the weights.
        steps: batches learnt from.
        seconds: how long it took.
        ap50: on the pictures for validation.
        parameters: how many numbers the net has.
    """

    checkpoint: Path
    journal: Path
    weights: str
    steps: int
    seconds: float
    ap50: float
    parameters: int


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "train",
        help="train the detector of printed marks, or one of your own pictures",
        description="Trains on drawn scenes of printed marks, or, with --pictures, on your own labelled pictures, starting from the bundled weights. "
        "The same seed gives the same weights on the same machine with one thread. Ctrl-C stops it; --resume goes on.",
    )
    parser.add_argument("--out", type=Path, default=Path("model.npz"), metavar="FILE")
    parser.add_argument("--pictures", metavar="SPEC", help="a COCO or YOLO folder, or a clip")
    parser.add_argument("--validate", metavar="SPEC", help="pictures to judge by while it runs")
    parser.add_argument(
        "--without-marks",
        type=Path,
        metavar="FOLDER",
        help="photographs without any mark, to learn what is none",
    )
    parser.add_argument(
        "--start",
        metavar="FILE",
        help="weights to begin with, or 'none'; the bundled ones if not given",
    )
    parser.add_argument(
        "--width",
        type=number_in_range(min_value=0.1, max_value=4),
        help="of a fresh net, 1 is the standard",
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--steps", type=integer_in_range(min_value=1, max_value=10_000_000), metavar="N"
    )
    length.add_argument(
        "--minutes", type=number_in_range(min_value=0, exclude_min=True), metavar="M"
    )
    parser.add_argument(
        "--sides",
        type=integer_in_range(min_value=64, max_value=1024),
        nargs="+",
        default=list(_SIDES_PX),
        metavar="PX",
    )
    parser.add_argument(
        "--rate", type=number_in_range(min_value=0, exclude_min=True, max_value=1), metavar="R"
    )
    parser.add_argument(
        "--seed", type=integer_in_range(min_value=0, max_value=900), default=1, metavar="N"
    )
    parser.add_argument(
        "--threads", type=integer_in_range(min_value=1, max_value=256), default=1, metavar="N"
    )
    parser.add_argument(
        "--processes",
        type=integer_in_range(min_value=1, max_value=64),
        default=1,
        help="that draw pictures",
    )
    parser.add_argument("--resume", action="store_true", help="go on where it was interrupted")
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Train.

    Returns:
        0.

    Raises:
        PicturesError: the pictures cannot be used.
        SourceError: the weights to begin with cannot be used.
        ToolError: something cannot be written.
    """
    if any(side % _SIDE_MULTIPLE_PX for side in args.sides):
        args.usage(f"--sides must be multiples of {_SIDE_MULTIPLE_PX}")
    if args.width and args.start not in (None, "none"):
        args.usage("--width is of a fresh net: leave --start out")
    if args.pictures and args.without_marks:
        args.usage("--without-marks goes with drawn scenes: put empty pictures among --pictures")
    limit_threads(args.threads)
    from edged_models.training.train import train
    from edged_models.training.validation import Validation

    began_s = time.perf_counter()
    learnt, judged = _open_pictures(args)
    plan = _build_plan(args, learnt)
    validation = Validation(judged, count=_VALIDATION_PICTURES, side_px=max(args.sides))
    with progress_bar() as progress:
        task = progress.add_task("train", total=plan.steps)

        def tell(done: int, note: str) -> None:
            if note:
                progress.update(task, completed=done, note=note)
            else:
                progress.update(task, completed=done)

        outcome = train(plan, out=args.out, resume=args.resume, validate=validation, on_step=tell)
    checkpoint = outcome.checkpoint
    result = TrainResult(
        checkpoint=args.out,
        journal=args.out.with_suffix(".jsonl"),
        weights=checkpoint.digest(),
        steps=plan.steps,
        seconds=round(time.perf_counter() - began_s, 1),
        ap50=round(outcome.ap50 or 0.0, 4),
        parameters=checkpoint.count_parameters(),
    )
    print_result(args, result, _format_lines(result, judged))
    return 0


def _format_lines(result: TrainResult, validation_pictures: "PictureSet") -> list[str]:
    return format_table(
        [
            ("trained", f"{result.steps} steps in {result.seconds:.0f} s"),
            ("AP50", f"{result.ap50:.3f} on {validation_pictures.name}"),
            ("net", f"{result.parameters} parameters, weights {result.weights[:16]}"),
            ("written", f"{result.checkpoint}; account in {result.journal}"),
            ("next", f"edged-models quantize {result.checkpoint}"),
        ]
    )


def _open_pictures(args: argparse.Namespace) -> "tuple[PictureSet | None, PictureSet]":
    """What to learn from, None for drawn scenes, and what to judge by."""
    from edged_models.pictures.open_pictures import open_pictures
    from edged_models.pictures.subset import hold_out

    if args.pictures is None:
        return None, open_pictures(args.validate or "scenes:held-out", labels=MARK_LABELS)
    pictures = open_pictures(args.pictures)
    if not pictures.labels:
        raise PicturesError(f"{args.pictures} has no labels: nothing can be learnt from it")
    if args.validate:
        return pictures, open_pictures(args.validate, labels=pictures.labels)
    if len(pictures) < _MIN_PICTURES:
        raise PicturesError(
            f"{args.pictures} has {len(pictures)} pictures; {_MIN_PICTURES} are the least, of which one in {_HOLD_OUT_EVERY} is kept to judge by"
        )
    return hold_out(pictures, every=_HOLD_OUT_EVERY)


def _build_plan(args: argparse.Namespace, training_pictures: "PictureSet | None") -> "TrainingPlan":
    from edged_models.marks.photographs import Photographs
    from edged_models.training.throughput import estimate_steps
    from edged_models.training.train import TrainingPlan
    from edged_models.training.training_samples import DrawnSampleSource, PictureSampleSource

    start = _load_start(args, training_pictures.labels if training_pictures else MARK_LABELS)
    sides_px = tuple(args.sides)
    photographs = Photographs.from_folder(args.without_marks) if args.without_marks else None
    steps = args.steps or _DEFAULT_STEPS
    if args.minutes:
        steps = estimate_steps(args.minutes, start, sides_px=sides_px)
    return TrainingPlan(
        start=start,
        samples=PictureSampleSource(training_pictures)
        if training_pictures
        else DrawnSampleSource(args.seed, photographs),
        steps=steps,
        seed=args.seed,
        rate=args.rate or (_TUNING_RATE if start.origin.steps else _FRESH_RATE),
        sides_px=sides_px,
        processes=args.processes,
        validate_steps=max(50, min(1000, steps // 10)),
    )


def _load_start(args: argparse.Namespace, labels: tuple[str, ...]) -> "Checkpoint":
    from edged_models.bundled import checkpoint_file
    from edged_models.detector.architecture import Architecture
    from edged_models.detector.checkpoint import load_checkpoint
    from edged_models.training.initial_checkpoint import adapt_to_labels, create_fresh_checkpoint

    if args.width or args.start == "none":
        architecture = Architecture.of_width(labels, args.width or 1.0)
        return create_fresh_checkpoint(architecture, side_px=max(args.sides), seed=args.seed)
    path = Path(args.start) if args.start else checkpoint_file()
    if not args.start and not path.exists():
        raise SourceError(f"there are no bundled weights at {path}: give --start none")
    return adapt_to_labels(load_checkpoint(path), labels, seed=args.seed)
