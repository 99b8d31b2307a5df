"""The plan of a training, from the options of ``edged-models train``."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edged.marks import MARK_LABELS
from edged_models.cli.train_options import DEFAULT_STEPS, FRESH_RATE, NO_START, TUNING_RATE
from edged_models.errors import PicturesError, SourceError

if TYPE_CHECKING:
    from edged_models.detector.checkpoint import Checkpoint
    from edged_models.pictures.labelled import PictureSet
    from edged_models.training.plan import TrainingPlan

_MIN_PICTURES = 20
_HOLD_OUT_EVERY = 10


def open_training_pictures(args: argparse.Namespace) -> "tuple[PictureSet | None, PictureSet]":
    """Return the pictures to train on, None for drawn scenes, and those for the validation.

    Raises:
        PicturesError: the pictures cannot be read, have no labels, or are too few.
    """
    from edged_models.cli.opened_pictures import open_for_command
    from edged_models.pictures.subset import hold_out

    open_set = partial(open_for_command, skip_bad=args.skip_bad)
    if args.pictures is None:
        return None, open_set(args.validate or "scenes:held-out", labels=MARK_LABELS)
    pictures = open_set(args.pictures)
    if not pictures.labels:
        raise PicturesError(f"{args.pictures} has no labels: give labelled pictures")
    if args.validate:
        return pictures, open_set(args.validate, labels=pictures.labels)
    if len(pictures) < _MIN_PICTURES:
        raise PicturesError(
            f"{args.pictures} has {len(pictures)} pictures; give {_MIN_PICTURES} or more, of which one in {_HOLD_OUT_EVERY} is kept for validation"
        )
    return hold_out(pictures, every=_HOLD_OUT_EVERY)


def build_plan(
    args: argparse.Namespace,
    training_pictures: "PictureSet | None",
    validation_pictures: "PictureSet",
) -> "TrainingPlan":
    """Return the plan of the training.

    Args:
        args: the options.
        training_pictures: the pictures to train on; None for drawn scenes.
        validation_pictures: the pictures for the validation.

    Raises:
        SourceError: the weights to start from cannot be used.
        PicturesError: the photographs cannot be read.
    """
    from edged_models.training.journal import Keep
    from edged_models.training.plan import TrainingPlan
    from edged_models.training.throughput import estimate_steps

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
        limit_s=60 * args.minutes if args.minutes else None,
        validation_data=validation_pictures.name,
        keep=Keep(args.keep),
        patience=args.patience,
        processes=args.processes,
        validate_steps=max(50, min(1000, steps // 10)),
    )


def _build_samples(args: argparse.Namespace, training_pictures: "PictureSet | None") -> Any:
    from edged_models.marks.photographs import Photographs
    from edged_models.training.training_samples import DrawnSampleSource, PictureSampleSource

    if training_pictures:
        return PictureSampleSource(training_pictures, side_px=max(args.sides))
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
