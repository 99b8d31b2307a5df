"""``edged-models train``: train a detector of printed marks, or of the objects in your own pictures."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged_models.cli.options import add_skip_bad_option
from edged_models.cli.train_options import (
    NO_START,
    SIDE_MULTIPLE_PX,
    add_length_options,
    add_network_options,
    add_picture_options,
    add_result_options,
    add_run_options,
)
from edged_models.cli.train_plan import build_plan, open_training_pictures
from edged_models.console import add_json_option, format_table, print_result, progress_bar
from edged_models.threads import limit_threads

if TYPE_CHECKING:
    from edged_models.pictures.labelled import PictureSet
    from edged_models.training.plan import TrainingPlan
    from edged_models.training.train import TrainingOutcome

_VALIDATION_PICTURES = 150


class TrainResult(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        checkpoint: path of the checkpoint.
        journal: path of the training's journal, a JSON object a line.
        weights: digest of the weights.
        steps: number of batches trained on.
        end: why the training ended.
        result_step: number of batches after which the network had the weights of the result.
        is_new: false if an earlier run with the same settings was complete already.
        seconds: duration of the command.
        ap50: average precision at IoU 0.5 on the validation pictures.
        parameters: number of the network's parameters.
    """

    checkpoint: Path
    journal: Path
    weights: str
    steps: int
    end: str
    result_step: int
    is_new: bool
    seconds: float
    ap50: float
    parameters: int


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "train",
        help="train the detector of printed marks, or one for your own pictures",
        description="Trains on drawn scenes of printed marks, or, with --pictures, on your own labelled pictures, starting from the "
        "bundled weights. With one thread, the same --steps and --seed give the same weights on the same machine. Ctrl-C interrupts the "
        "training; --resume continues it.",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("model.npz"),
        metavar="FILE",
        help="the checkpoint (%(default)s)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue an interrupted training with the same settings (default: begin anew)",
    )
    add_picture_options(parser)
    add_skip_bad_option(parser)
    add_network_options(parser)
    add_length_options(parser)
    add_result_options(parser)
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
    began_s = time.monotonic()
    training_pictures, validation_pictures = open_training_pictures(args)
    plan = build_plan(args, training_pictures, validation_pictures)
    outcome = _train(args, plan, validation_pictures, began_s)
    checkpoint = outcome.checkpoint
    result = TrainResult(
        checkpoint=args.out,
        journal=args.out.with_suffix(".jsonl"),
        weights=checkpoint.digest(),
        steps=outcome.end.step,
        end=outcome.end.reason.value,
        result_step=outcome.end.result_step,
        is_new=outcome.is_new,
        seconds=round(time.monotonic() - began_s, 1),
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
    args: argparse.Namespace,
    plan: "TrainingPlan",
    validation_pictures: "PictureSet",
    began_s: float,
) -> "TrainingOutcome":
    from edged_models.training.tensorboard import TensorBoardLog
    from edged_models.training.train import train
    from edged_models.training.validation import Validation

    validation = Validation(
        validation_pictures, count=_VALIDATION_PICTURES, side_px=max(args.sides)
    )
    with progress_bar() as progress:
        task = progress.add_task("train", total=plan.steps)

        def on_step(done: int, total: int, note: str | None) -> None:
            if note:
                progress.update(task, completed=done, total=total, note=note)
            else:
                progress.update(task, completed=done, total=total)

        return train(
            plan,
            out=args.out,
            resume=args.resume,
            validate=validation,
            on_step=on_step,
            log=TensorBoardLog(args.tensorboard) if args.tensorboard else None,
            began_s=began_s,
        )


def _format_lines(result: TrainResult, validation_pictures: "PictureSet") -> list[str]:
    return format_table(
        [
            ("trained", _describe_training(result)),
            (
                "AP50",
                f"{result.ap50:.3f} on {validation_pictures.name}, after {result.result_step} steps",
            ),
            ("network", f"{result.parameters} parameters, weights {result.weights[:16]}"),
            ("written", f"{result.checkpoint}; journal in {result.journal}"),
            ("next", f"edged-models quantize {result.checkpoint}"),
        ]
    )


def _describe_training(result: TrainResult) -> str:
    if not result.is_new:
        return f"{result.steps} steps by an earlier run with the same settings: nothing was done"
    return f"{result.steps} steps in {result.seconds:.0f} s, {result.end}"
