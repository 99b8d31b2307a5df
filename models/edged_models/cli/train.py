"""``edged-models train``: a detector of printed marks, or of what is in your own pictures."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged.cli.numbers import count, number
from edged.marks import MARKS
from edged_models.console import add_json, answer, bar, table
from edged_models.errors import PicturesError, SourceError
from edged_models.threads import limit_threads

if TYPE_CHECKING:
    from edged_models.detector.checkpoint import Checkpoint
    from edged_models.pictures.labelled import PictureSet
    from edged_models.training.train import Plan

_SIDES_PX = (320, 256, 192)
_DEFAULT_STEPS = 20_000
_FRESH_RATE, _TUNING_RATE = 2e-3, 1e-3
_JUDGED = 150
_LEAST_PICTURES = 20
_APART = 10
_MULTIPLE_PX = 32


class Trained(Struct, frozen=True, kw_only=True):
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
        "--width", type=number(least=0.1, most=4), help="of a fresh net, 1 is the standard"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=count(least=1, most=10_000_000), metavar="N")
    length.add_argument("--minutes", type=number(least=0, above=True), metavar="M")
    parser.add_argument(
        "--sides", type=count(least=64, most=1024), nargs="+", default=list(_SIDES_PX), metavar="PX"
    )
    parser.add_argument("--rate", type=number(least=0, above=True, most=1), metavar="R")
    parser.add_argument("--seed", type=count(least=0, most=900), default=1, metavar="N")
    parser.add_argument("--threads", type=count(least=1, most=256), default=1, metavar="N")
    parser.add_argument(
        "--processes", type=count(least=1, most=64), default=1, help="that draw pictures"
    )
    parser.add_argument("--resume", action="store_true", help="go on where it was interrupted")
    add_json(parser)
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
    if any(side % _MULTIPLE_PX for side in args.sides):
        args.usage(f"--sides must be multiples of {_MULTIPLE_PX}")
    if args.width and args.start not in (None, "none"):
        args.usage("--width is of a fresh net: leave --start out")
    if args.pictures and args.without_marks:
        args.usage("--without-marks goes with drawn scenes: put empty pictures among --pictures")
    limit_threads(args.threads)
    from edged_models.training.train import train
    from edged_models.training.validation import Validation

    began_s = time.perf_counter()
    learnt, judged = _pictures(args)
    plan = _plan(args, learnt)
    validation = Validation(judged, count=_JUDGED, side_px=max(args.sides))
    with bar() as progress:
        task = progress.add_task("train", total=plan.steps)

        def tell(done: int, note: str) -> None:
            if note:
                progress.update(task, completed=done, note=note)
            else:
                progress.update(task, completed=done)

        outcome = train(plan, out=args.out, resume=args.resume, validate=validation, tell=tell)
    checkpoint = outcome.checkpoint
    result = Trained(
        checkpoint=args.out,
        journal=args.out.with_suffix(".jsonl"),
        weights=checkpoint.digest(),
        steps=plan.steps,
        seconds=round(time.perf_counter() - began_s, 1),
        ap50=round(outcome.ap50 or 0.0, 4),
        parameters=checkpoint.parameters(),
    )
    answer(args, result, _describe(result, judged))
    return 0


def _describe(result: Trained, judged: "PictureSet") -> list[str]:
    return table(
        [
            ("trained", f"{result.steps} steps in {result.seconds:.0f} s"),
            ("AP50", f"{result.ap50:.3f} on {judged.name}"),
            ("net", f"{result.parameters} parameters, weights {result.weights[:16]}"),
            ("written", f"{result.checkpoint}; account in {result.journal}"),
            ("next", f"edged-models quantize {result.checkpoint}"),
        ]
    )


def _pictures(args: argparse.Namespace) -> "tuple[PictureSet | None, PictureSet]":
    """What to learn from, None for drawn scenes, and what to judge by."""
    from edged_models.pictures.sources import open_pictures
    from edged_models.pictures.subset import split

    if args.pictures is None:
        return None, open_pictures(args.validate or "scenes:held-out", labels=MARKS)
    pictures = open_pictures(args.pictures)
    if not pictures.labels:
        raise PicturesError(f"{args.pictures} has no labels: nothing can be learnt from it")
    if args.validate:
        return pictures, open_pictures(args.validate, labels=pictures.labels)
    if len(pictures) < _LEAST_PICTURES:
        raise PicturesError(
            f"{args.pictures} has {len(pictures)} pictures; {_LEAST_PICTURES} are the least, of which one in {_APART} is kept to judge by"
        )
    return split(pictures, every=_APART)


def _plan(args: argparse.Namespace, learnt: "PictureSet | None") -> "Plan":
    from edged_models.marks.photographs import Photographs
    from edged_models.training.lessons import DrawnLessons, OwnLessons
    from edged_models.training.pace import steps_in
    from edged_models.training.train import Plan

    start = _start(args, learnt.labels if learnt else MARKS)
    sides_px = tuple(args.sides)
    photographs = Photographs.of(args.without_marks) if args.without_marks else None
    steps = args.steps or _DEFAULT_STEPS
    if args.minutes:
        steps = steps_in(args.minutes, start, sides_px=sides_px)
    return Plan(
        start=start,
        lessons=OwnLessons(learnt) if learnt else DrawnLessons(args.seed, photographs),
        steps=steps,
        seed=args.seed,
        rate=args.rate or (_TUNING_RATE if start.origin.steps else _FRESH_RATE),
        sides_px=sides_px,
        processes=args.processes,
        validate_steps=max(50, min(1000, steps // 10)),
    )


def _start(args: argparse.Namespace, labels: tuple[str, ...]) -> "Checkpoint":
    from edged_models.bundled import checkpoint_file
    from edged_models.detector.architecture import Architecture
    from edged_models.detector.checkpoint import load_checkpoint
    from edged_models.training.start import for_labels, fresh

    if args.width or args.start == "none":
        architecture = Architecture.of_width(labels, args.width or 1.0)
        return fresh(architecture, side_px=max(args.sides), seed=args.seed)
    path = Path(args.start) if args.start else checkpoint_file()
    if not args.start and not path.exists():
        raise SourceError(f"there are no bundled weights at {path}: give --start none")
    return for_labels(load_checkpoint(path), labels, seed=args.seed)
