"""Parts of the commands that apply a technique to a network and write the new one."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from edged_models.cli.network_options import (
    OpenedNetwork,
    add_fine_tuning_options,
    open_command_network,
    resolve_output_path,
)
from edged_models.compression.fine_tune_settings import FineTuneSettings, StepCallback
from edged_models.console import add_json_option, format_table, print_result, progress_bar

if TYPE_CHECKING:
    from edged_models.compression.network import Network, NetworkTrainer


class CompressionResult(Struct, frozen=True, kw_only=True):
    """Result of a command.

    Attributes:
        out: path of the new network.
        parameters_before: number of parameters of the old network.
        parameters: number of parameters of the new network.
        summary: what the technique did, in a few words.
        steps: number of steps of fine-tuning; 0 for none.
        labels: class names of the network.
        accuracy_before: accuracy of the old network on the pictures kept for validation, 0..1; None if it was not measured.
        accuracy: accuracy of the new one.
        seconds: duration of the command.
    """

    out: Path
    parameters_before: int
    parameters: int
    summary: str
    steps: int
    labels: tuple[str, ...]
    accuracy_before: float | None
    accuracy: float | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressionRecipe:
    """One technique that changes a network.

    Attributes:
        command: name of the command, for the origin of the new weights.
        apply: makes the new network from the old one, what trains it, the settings and a progress callback.
        summarize: describes the new network in a few words.
    """

    command: str
    apply: "Callable[[Network, NetworkTrainer | None, FineTuneSettings, StepCallback], Network]"
    summarize: "Callable[[Network], str]"


def add_output_options(
    parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int], *, can_skip: bool
) -> None:
    """Add the last options of a command that writes a network, and set the function that runs it.

    Args:
        parser: the command's parser.
        run: the function.
        can_skip: whether the technique makes sense without fine-tuning.
    """
    add_fine_tuning_options(parser)
    if can_skip:
        parser.add_argument(
            "--no-fine-tuning",
            action="store_true",
            help="change the network and train nothing; no pictures are needed, and accuracy is lost",
        )
    _add_out_option(parser)
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error, can_skip=can_skip)


def _add_out_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the new network, of the same kind of file (default: beside the old one)",
    )


def run_compression(
    args: argparse.Namespace, recipe: CompressionRecipe, *, name_suffix: str
) -> int:
    """Apply a technique, fine-tune, write the new network, and print the result.

    Args:
        args: parsed arguments.
        recipe: the technique.
        name_suffix: added to the network's name if ``--out`` is not given.

    Raises:
        ToolError: the technique cannot be applied, the pictures cannot be used, or the file cannot be written.
    """
    began_s = time.perf_counter()
    opened = open_command_network(args)
    out = resolve_output_path(args, name_suffix, opened.network.suffix)
    before = opened.evaluate(opened.network)
    changed = apply_with_progress(recipe, opened)
    changed.save(out, command=recipe.command, tuning=opened.tuning)
    result = CompressionResult(
        out=out,
        parameters_before=opened.network.count_parameters(),
        parameters=changed.count_parameters(),
        summary=recipe.summarize(changed),
        steps=opened.tuning.steps,
        labels=changed.labels,
        accuracy_before=before,
        accuracy=opened.evaluate(changed),
        seconds=time.perf_counter() - began_s,
    )
    print_result(args, result, _format_lines(result))
    return 0


def apply_with_progress(recipe: CompressionRecipe, opened: OpenedNetwork) -> "Network":
    """Apply a technique with a progress bar.

    Raises:
        ToolError: the technique cannot be applied.
    """
    with progress_bar() as progress:
        task = progress.add_task("fine-tuning", total=opened.tuning.steps or None)
        return recipe.apply(
            opened.network,
            opened.trainer,
            opened.tuning,
            lambda done: progress.update(task, completed=done),
        )


def format_accuracy(before: float | None, after: float | None) -> list[tuple[str, str]]:
    """Return the row with the accuracy; none if it was not measured."""
    if before is None or after is None:
        return []
    return [("accuracy", f"{after:.3f} (before {before:.3f}), on the pictures kept for validation")]


def format_steps(steps: int) -> str:
    """Return how long a network was fine-tuned."""
    return f"{steps} steps" if steps else "not at all: accuracy is lost, see `evaluate`"


def _format_lines(result: CompressionResult) -> list[str]:
    rows = [
        ("result", result.summary),
        ("parameters", f"{result.parameters:,} (before {result.parameters_before:,})"),
        *format_accuracy(result.accuracy_before, result.accuracy),
        ("fine-tuned", format_steps(result.steps)),
        ("took", f"{result.seconds:.0f} s"),
        ("written", result.out),
    ]
    return format_table(rows)
