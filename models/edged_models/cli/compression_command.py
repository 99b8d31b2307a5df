"""What the commands share that make a smaller checkpoint from a checkpoint."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import Struct

from edged.terminal.numbers import integer_in_range, number_in_range
from edged_models.compression.fine_tune_settings import FineTuneSettings, StepCallback
from edged_models.compression.picture_sample import PictureSample, draw_sample
from edged_models.console import add_json_option, format_table, print_result, progress_bar
from edged_models.detector.checkpoint import SUFFIX, Checkpoint, Origin
from edged_models.pictures.open_pictures import open_pictures
from edged_models.threads import limit_threads

_MAX_STEPS = 1_000_000
_MAX_THREADS = 64
_DEFAULT_SETTINGS = FineTuneSettings()


class CompressionResult(Struct, frozen=True, kw_only=True):
    """What came out.

    Attributes:
        out: the new checkpoint.
        parameters_before: numbers in the old net.
        parameters: numbers in the new one.
        summary: what the technique came to.
        steps: of fine-tuning.
        seconds: how long it took.
    """

    out: Path
    parameters_before: int
    parameters: int
    summary: str
    steps: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressionRecipe:
    """One way of making a net smaller.

    Attributes:
        command: for the origin of the new weights.
        apply: from the net, the pictures, the tuning and who watches to the new net.
        summarize: says in a few words what the new net has come to.
    """

    command: str
    apply: Callable[[Checkpoint, PictureSample, FineTuneSettings, StepCallback], Checkpoint]
    summarize: Callable[[Checkpoint], str]


def add_checkpoint_argument(parser: argparse.ArgumentParser) -> None:
    """The argument that all have."""
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="a .npz file of `edged-models train`"
    )


def add_fine_tuning_options(parser: argparse.ArgumentParser) -> None:
    """How the changed net is fine-tuned."""
    parser.add_argument(
        "--learn",
        metavar="PICTURES",
        default=_DEFAULT_SETTINGS.training_pictures,
        help="labelled pictures to fine-tune on: a folder, or drawn scenes (%(default)s)",
    )
    parser.add_argument(
        "--steps",
        type=integer_in_range(min_value=1, max_value=_MAX_STEPS),
        metavar="N",
        default=_DEFAULT_SETTINGS.steps,
        help="batches to fine-tune on (%(default)s)",
    )
    parser.add_argument(
        "--rate",
        type=number_in_range(min_value=0, max_value=1, exclude_min=True),
        metavar="R",
        help="learning rate at its highest; what suits the change if not set",
    )
    parser.add_argument(
        "--seed", type=integer_in_range(min_value=0, max_value=2**31), metavar="N", default=1
    )
    parser.add_argument(
        "--threads",
        type=integer_in_range(min_value=0, max_value=_MAX_THREADS),
        metavar="N",
        default=0,
        help="of TensorFlow, 0 for one a core; with 1 the same seed gives the same weights",
    )


def add_output_options(
    parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]
) -> None:
    """What comes last where a checkpoint becomes a smaller one: tuning, ``--out``, ``--json``, and who runs it."""
    add_fine_tuning_options(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="the new checkpoint")
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def read_fine_tuning_options(args: argparse.Namespace) -> FineTuneSettings:
    """What `add_tuning` was told."""
    return FineTuneSettings(
        training_pictures=args.learn,
        steps=args.steps,
        rate=args.rate,
        seed=args.seed,
        threads=args.threads,
    )


def resolve_output_path(args: argparse.Namespace, name_suffix: str, suffix: str = SUFFIX) -> Path:
    """Where the result goes: ``--out``, or beside the checkpoint."""
    return args.out or args.checkpoint.with_name(f"{args.checkpoint.stem}-{name_suffix}{suffix}")


def run_compression(
    args: argparse.Namespace, checkpoint: Checkpoint, recipe: CompressionRecipe, *, name_suffix: str
) -> int:
    """Change, fine-tune, write, and say what came out.

    Raises:
        ToolError: any of it cannot be done.
    """
    began_s = time.perf_counter()
    tuning, out = read_fine_tuning_options(args), resolve_output_path(args, name_suffix)
    limit_threads(tuning.threads)
    sample = open_sample(checkpoint, tuning)
    with progress_bar() as progress:
        task = progress.add_task("fine-tuning", total=tuning.steps)
        made = recipe.apply(
            checkpoint, sample, tuning, lambda done: progress.update(task, completed=done)
        )
    origin = Origin(
        command=recipe.command,
        seed=tuning.seed,
        steps=tuning.steps,
        training_data=f"{tuning.training_pictures} {sample.digest()}",
        start=checkpoint.digest(),
    )
    replace(made, origin=origin).save(out)
    result = CompressionResult(
        out=out,
        parameters_before=checkpoint.count_parameters(),
        parameters=made.count_parameters(),
        summary=recipe.summarize(made),
        steps=tuning.steps,
        seconds=time.perf_counter() - began_s,
    )
    print_result(args, result, _format_lines(result))
    return 0


def open_sample(checkpoint: Checkpoint, tuning: FineTuneSettings) -> PictureSample:
    """The pictures to fine-tune on, at the net's size.

    Raises:
        PicturesError: they cannot be used, or not for this net.
    """
    pictures = open_pictures(tuning.training_pictures, labels=checkpoint.architecture.labels)
    return draw_sample(pictures, side_px=checkpoint.side_px)


def _format_lines(result: CompressionResult) -> list[str]:
    rows = [
        ("reached", result.summary),
        ("parameters", f"{result.parameters:,} (before {result.parameters_before:,})"),
        ("fine-tuned", f"{result.steps} steps"),
        ("took", f"{result.seconds:.0f} s"),
        ("written", result.out),
    ]
    return format_table(rows)
