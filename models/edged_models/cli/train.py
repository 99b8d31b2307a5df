"""``edged-models train``: train a detector of printed marks, or of the objects in your own pictures."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged.marks import MARK_LABELS
from edged_models.cli.train_options import (
    DEFAULT_STEPS,
    FRESH_RATE,
    NO_START,
    SIDE_MULTIPLE_PX,
    TUNING_RATE,
    add_length_options,
    add_network_options,
    add_picture_options,
    add_run_options,
)
from edged_models.console import add_json_option, format_table, print_result, progress_bar
from edged_models.errors import PicturesError, SourceError
from edged_models.threads import limit_threads

if TYPE_CHECKING:
    from edged_models.detector.checkpoint import Checkpoint
    from edged_models.pictures.labelled import PictureSet
    from edged_models.training.train import TrainingOutcome, TrainingPlan

_VALIDATION_PICTURES = 150
_MIN_PICTURES = 20
_HOLD_OUT_EVERY = 10


class TrainResult(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        checkpoint: path of the checkpoint.
        journal: path of the training's journal, a JSON object a line.
        weights: digest of the weights.
        steps: number of batches trained on.
        seconds: duration of the command.
        ap50: average precision at IoU 0.5 on the validation pictures.
        parameters: number of the network's parameters.
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
        help="train the detector of printed marks, or one for your own pictures",
        description="Trains on drawn scenes of printed marks, or, with --pictures, on your own labelled pictures, starting from the "
        "bundled weights. With one thread, the same seed gives the same weights on the same machine. Ctrl-C interrupts the training; "
        "--resume continues it.",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("model.npz"),
        metavar="FILE",
        help="the checkpoint (%(default)s)",
    )
    parser.add_argument("--resume", action="store_true", help="continue an interrupted training")
    add_picture_options(parser)
    add_network_options(parser)
    add_length_options(parser)
    add_run_options(parser)
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Train, and write the checkpoint.

    Returns:
        0.

    Raises:
        PicturesError: the pictures cannot be used.
        SourceError: the weights to start from cannot be used.
        ToolError: a file cannot be written.
    """
    _check_options(args)
    limit_threads(args.threads)
    began_s = time.perf_counter()
    training_pictures, validation_pictures = _open_pictures(args)
    plan = _build_plan(args, training_pictures)
    outcome = _train(args, plan, validation_pictures)
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
    print_result(args, result, _format_lines(result, validation_pictures))
    return 0


def _check_options(args: argparse.Namespace) -> None:
    if any(side % SIDE_MULTIPLE_PX for side in args.sides):
        args.usage(f"--sides must be multiples of {SIDE_MULTIPLE_PX}")
    if args.width and args.start not in (None, NO_START):
        args.usage("--width needs random weights: omit --start")
    if args.pictures and args.without_marks:
        args.usage(
            "--without-marks applies to drawn scenes only: add pictures without objects to --pictures"
        )


def _train(
    args: argparse.Namespace, plan: "TrainingPlan", validation_pictures: "PictureSet"
) -> "TrainingOutcome":
    from edged_models.training.train import train
    from edged_models.training.validation import Validation

    validation = Validation(
        validation_pictures, count=_VALIDATION_PICTURES, side_px=max(args.sides)
    )
    with progress_bar() as progress:
        task = progress.add_task("train", total=plan.steps)

        def on_step(done: int, note: str | None) -> None:
            if note:
                progress.update(task, completed=done, note=note)
            else:
                progress.update(task, completed=done)

        return train(plan, out=args.out, resume=args.resume, validate=validation, on_step=on_step)


def _format_lines(result: TrainResult, validation_pictures: "PictureSet") -> list[str]:
    return format_table(
        [
            ("trained", f"{result.steps} steps in {result.seconds:.0f} s"),
            ("AP50", f"{result.ap50:.3f} on {validation_pictures.name}"),
            ("network", f"{result.parameters} parameters, weights {result.weights[:16]}"),
            ("written", f"{result.checkpoint}; journal in {result.journal}"),
            ("next", f"edged-models quantize {result.checkpoint}"),
        ]
    )


def _open_pictures(args: argparse.Namespace) -> "tuple[PictureSet | None, PictureSet]":
    """Return the pictures to train on, None for drawn scenes, and those for the validation."""
    from edged_models.pictures.open_pictures import open_pictures
    from edged_models.pictures.subset import hold_out

    if args.pictures is None:
        return None, open_pictures(args.validate or "scenes:held-out", labels=MARK_LABELS)
    pictures = open_pictures(args.pictures)
    if not pictures.labels:
        raise PicturesError(f"{args.pictures} has no labels: give labelled pictures")
    if args.validate:
        return pictures, open_pictures(args.validate, labels=pictures.labels)
    if len(pictures) < _MIN_PICTURES:
        raise PicturesError(
            f"{args.pictures} has {len(pictures)} pictures; give {_MIN_PICTURES} or more, of which one in {_HOLD_OUT_EVERY} is kept for validation"
        )
    return hold_out(pictures, every=_HOLD_OUT_EVERY)


def _build_plan(args: argparse.Namespace, training_pictures: "PictureSet | None") -> "TrainingPlan":
    from edged_models.training.throughput import estimate_steps
    from edged_models.training.train import TrainingPlan

    start = _load_start(args, training_pictures.labels if training_pictures else MARK_LABELS)
    sides_px = tuple(args.sides)
    steps = args.steps or DEFAULT_STEPS
    if args.minutes:
        steps = estimate_steps(args.minutes, start, sides_px=sides_px)
    return TrainingPlan(
        start=start,
        samples=_build_samples(args, training_pictures),
        steps=steps,
        seed=args.seed,
        rate=args.rate or (TUNING_RATE if start.origin.steps else FRESH_RATE),
        sides_px=sides_px,
        processes=args.processes,
        validate_steps=max(50, min(1000, steps // 10)),
    )


def _build_samples(args: argparse.Namespace, training_pictures: "PictureSet | None") -> Any:
    from edged_models.marks.photographs import Photographs
    from edged_models.training.training_samples import DrawnSampleSource, PictureSampleSource

    if training_pictures:
        return PictureSampleSource(training_pictures)
    photographs = Photographs.from_folder(args.without_marks) if args.without_marks else None
    return DrawnSampleSource(args.seed, photographs)


def _load_start(args: argparse.Namespace, labels: tuple[str, ...]) -> "Checkpoint":
    from edged_models.bundled import checkpoint_file
    from edged_models.detector.architecture import Architecture
    from edged_models.detector.checkpoint import load_checkpoint
    from edged_models.training.initial_checkpoint import adapt_to_labels, create_fresh_checkpoint

    if args.width or args.start == NO_START:
        architecture = Architecture.of_width(labels, args.width or 1.0)
        return create_fresh_checkpoint(architecture, side_px=max(args.sides), seed=args.seed)
    path = Path(args.start) if args.start else checkpoint_file()
    if not args.start and not path.exists():
        raise SourceError(f"there are no bundled weights at {path}: give --start {NO_START}")
    return adapt_to_labels(load_checkpoint(path), labels, seed=args.seed)
