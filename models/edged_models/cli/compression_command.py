"""Parts of the commands that make a smaller checkpoint from a checkpoint."""

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
    """Result of a command.

    Attributes:
        out: path of the new checkpoint.
        parameters_before: number of parameters of the old network.
        parameters: number of parameters of the new network.
        summary: what the technique did, in a few words.
        steps: number of steps of fine-tuning.
        seconds: duration of the command.
    """

    out: Path
    parameters_before: int
    parameters: int
    summary: str
    steps: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressionRecipe:
    """One technique that makes a network smaller.

    Attributes:
        command: name of the command, for the origin of the new weights.
        apply: makes the new network from the old one, the pictures, the settings and a progress callback.
        summarize: describes the new network in a few words.
    """

    command: str
    apply: Callable[[Checkpoint, PictureSample, FineTuneSettings, StepCallback], Checkpoint]
    summarize: Callable[[Checkpoint], str]


def add_checkpoint_argument(parser: argparse.ArgumentParser) -> None:
    """Add the checkpoint that the command reads."""
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="a .npz file of `edged-models train`"
    )


def add_fine_tuning_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the fine-tuning."""
    parser.add_argument(
        "--train-pictures",
        metavar="PICTURES",
        default=_DEFAULT_SETTINGS.training_pictures,
        help="labelled pictures to fine-tune on: a folder, or drawn scenes (%(default)s)",
    )
    parser.add_argument(
        "--steps",
        type=integer_in_range(min_value=1, max_value=_MAX_STEPS),
        metavar="N",
        default=_DEFAULT_SETTINGS.steps,
        help="number of batches to fine-tune on (%(default)s)",
    )
    parser.add_argument(
        "--rate",
        type=number_in_range(min_value=0, max_value=1, exclude_min=True),
        metavar="R",
        help="highest learning rate (default: depends on the technique)",
    )
    parser.add_argument(
        "--seed",
        type=integer_in_range(min_value=0, max_value=2**31),
        metavar="N",
        default=_DEFAULT_SETTINGS.seed,
        help="seed of all random numbers (%(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=integer_in_range(min_value=0, max_value=_MAX_THREADS),
        metavar="N",
        default=_DEFAULT_SETTINGS.threads,
        help="threads of TensorFlow, 0 for one for each core; with 1 the same seed gives the same weights (%(default)s)",
    )


def add_output_options(
    parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]
) -> None:
    """Add the last options of a command that writes a checkpoint, and set the function that runs it."""
    add_fine_tuning_options(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the new checkpoint (default: beside the old one)",
    )
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def read_fine_tuning_options(args: argparse.Namespace) -> FineTuneSettings:
    """Return the settings that the options of `add_fine_tuning_options` give."""
    return FineTuneSettings(
        training_pictures=args.train_pictures,
        steps=args.steps,
        rate=args.rate,
        seed=args.seed,
        threads=args.threads,
    )


def resolve_output_path(args: argparse.Namespace, name_suffix: str, suffix: str = SUFFIX) -> Path:
    """Return the path of the result.

    Args:
        args: parsed arguments with ``out`` and ``checkpoint``.
        name_suffix: added to the checkpoint's name if ``--out`` is not given.
        suffix: suffix of the file.
    """
    return args.out or args.checkpoint.with_name(f"{args.checkpoint.stem}-{name_suffix}{suffix}")


def run_compression(
    args: argparse.Namespace, checkpoint: Checkpoint, recipe: CompressionRecipe, *, name_suffix: str
) -> int:
    """Apply a technique, fine-tune, write the new checkpoint, and print the result.

    Args:
        args: parsed arguments.
        checkpoint: the network.
        recipe: the technique.
        name_suffix: added to the checkpoint's name if ``--out`` is not given.

    Raises:
        ToolError: the technique cannot be applied, the pictures cannot be used, or the file cannot be written.
    """
    began_s = time.perf_counter()
    tuning, out = read_fine_tuning_options(args), resolve_output_path(args, name_suffix)
    limit_threads(tuning.threads)
    sample = open_sample(checkpoint, tuning)
    compressed = _apply(recipe, checkpoint, sample, tuning)
    compressed.save(out)
    result = CompressionResult(
        out=out,
        parameters_before=checkpoint.count_parameters(),
        parameters=compressed.count_parameters(),
        summary=recipe.summarize(compressed),
        steps=tuning.steps,
        seconds=time.perf_counter() - began_s,
    )
    print_result(args, result, _format_lines(result))
    return 0


def open_sample(checkpoint: Checkpoint, tuning: FineTuneSettings) -> PictureSample:
    """Open the pictures to fine-tune on, at the network's input size.

    Raises:
        PicturesError: the pictures cannot be read, or do not fit the network.
    """
    pictures = open_pictures(tuning.training_pictures, labels=checkpoint.architecture.labels)
    return draw_sample(pictures, side_px=checkpoint.side_px)


def _apply(
    recipe: CompressionRecipe,
    checkpoint: Checkpoint,
    sample: PictureSample,
    tuning: FineTuneSettings,
) -> Checkpoint:
    with progress_bar() as progress:
        task = progress.add_task("fine-tuning", total=tuning.steps)
        compressed = recipe.apply(
            checkpoint, sample, tuning, lambda done: progress.update(task, completed=done)
        )
    origin = Origin(
        command=recipe.command,
        seed=tuning.seed,
        steps=tuning.steps,
        training_data=f"{tuning.training_pictures} {sample.digest()}",
        start=checkpoint.digest(),
    )
    return replace(compressed, origin=origin)


def _format_lines(result: CompressionResult) -> list[str]:
    rows = [
        ("result", result.summary),
        ("parameters", f"{result.parameters:,} (before {result.parameters_before:,})"),
        ("fine-tuned", f"{result.steps} steps"),
        ("took", f"{result.seconds:.0f} s"),
        ("written", result.out),
    ]
    return format_table(rows)
