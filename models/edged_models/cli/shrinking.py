"""What the commands share that make a smaller checkpoint from a checkpoint."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import Struct

from edged.cli.numbers import count, number
from edged_models.compression.sample import Sample, sample_of
from edged_models.compression.tuning import Progress, Tuning
from edged_models.console import add_json, answer, bar, table
from edged_models.detector.checkpoint import SUFFIX, Checkpoint, Origin
from edged_models.pictures.sources import open_pictures
from edged_models.threads import limit_threads

_MOST_STEPS = 1_000_000
_MOST_THREADS = 64
_STANDARD = Tuning()


class Shrunk(Struct, frozen=True, kw_only=True):
    """What came out.

    Attributes:
        out: the new checkpoint.
        parameters_before: numbers in the old net.
        parameters: numbers in the new one.
        reached: what the technique came to.
        steps: of fine-tuning.
        seconds: how long it took.
    """

    out: Path
    parameters_before: int
    parameters: int
    reached: str
    steps: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One way of making a net smaller.

    Attributes:
        command: for the origin of the new weights.
        apply: from the net, the pictures, the tuning and who watches to the new net.
        reached: says in a few words what the new net has come to.
    """

    command: str
    apply: Callable[[Checkpoint, Sample, Tuning, Progress], Checkpoint]
    reached: Callable[[Checkpoint], str]


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """The argument that all have."""
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="a .npz file of `edged-models train`"
    )


def add_tuning(parser: argparse.ArgumentParser) -> None:
    """How the changed net is fine-tuned."""
    parser.add_argument(
        "--learn",
        metavar="PICTURES",
        default=_STANDARD.learn,
        help="labelled pictures to fine-tune on: a folder, or drawn scenes (%(default)s)",
    )
    parser.add_argument(
        "--steps",
        type=count(least=1, most=_MOST_STEPS),
        metavar="N",
        default=_STANDARD.steps,
        help="batches to fine-tune on (%(default)s)",
    )
    parser.add_argument(
        "--rate",
        type=number(least=0, most=1, above=True),
        metavar="R",
        help="learning rate at its highest; what suits the change if not set",
    )
    parser.add_argument("--seed", type=count(least=0, most=2**31), metavar="N", default=1)
    parser.add_argument(
        "--threads",
        type=count(least=0, most=_MOST_THREADS),
        metavar="N",
        default=0,
        help="of TensorFlow, 0 for one a core; with 1 the same seed gives the same weights",
    )


def add_rest(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    """What comes last where a checkpoint becomes a smaller one: tuning, ``--out``, ``--json``, and who runs it."""
    add_tuning(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="the new checkpoint")
    add_json(parser)
    parser.set_defaults(func=run, usage=parser.error)


def tuning_of(args: argparse.Namespace) -> Tuning:
    """What `add_tuning` was told."""
    return Tuning(
        learn=args.learn, steps=args.steps, rate=args.rate, seed=args.seed, threads=args.threads
    )


def out_beside(args: argparse.Namespace, ending: str, suffix: str = SUFFIX) -> Path:
    """Where the result goes: ``--out``, or beside the checkpoint."""
    return args.out or args.checkpoint.with_name(f"{args.checkpoint.stem}-{ending}{suffix}")


def shrink(args: argparse.Namespace, checkpoint: Checkpoint, recipe: Recipe, *, ending: str) -> int:
    """Change, fine-tune, write, and say what came out.

    Raises:
        ToolError: any of it cannot be done.
    """
    began_s = time.perf_counter()
    tuning, out = tuning_of(args), out_beside(args, ending)
    limit_threads(tuning.threads)
    sample = sample_for(checkpoint, tuning)
    with bar() as progress:
        task = progress.add_task("fine-tuning", total=tuning.steps)
        made = recipe.apply(
            checkpoint, sample, tuning, lambda done: progress.update(task, completed=done)
        )
    origin = Origin(
        command=recipe.command,
        seed=tuning.seed,
        steps=tuning.steps,
        lessons=f"{tuning.learn} {sample.digest()}",
        start=checkpoint.digest(),
    )
    replace(made, origin=origin).save(out)
    result = Shrunk(
        out=out,
        parameters_before=checkpoint.parameters(),
        parameters=made.parameters(),
        reached=recipe.reached(made),
        steps=tuning.steps,
        seconds=time.perf_counter() - began_s,
    )
    answer(args, result, _lines(result))
    return 0


def sample_for(checkpoint: Checkpoint, tuning: Tuning) -> Sample:
    """The pictures to fine-tune on, at the net's size.

    Raises:
        PicturesError: they cannot be used, or not for this net.
    """
    pictures = open_pictures(tuning.learn, labels=checkpoint.architecture.labels)
    return sample_of(pictures, side_px=checkpoint.side_px)


def _lines(result: Shrunk) -> list[str]:
    rows = [
        ("reached", result.reached),
        ("parameters", f"{result.parameters:,} (before {result.parameters_before:,})"),
        ("fine-tuned", f"{result.steps} steps"),
        ("took", f"{result.seconds:.0f} s"),
        ("written", result.out),
    ]
    return table(rows)
