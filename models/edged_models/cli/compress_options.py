"""The options of ``edged-models compress``, and what they mean for a network."""

import argparse
import hashlib
import os
from pathlib import Path

from msgspec import structs

from edged.terminal.numbers import integer_in_range
from edged_models.cli.network_options import read_fine_tuning_options
from edged_models.compression.budget import Limit, parse_budget
from edged_models.compression.build_messages import BuildJob, NetworkSpec
from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.techniques import GRID, select_techniques
from edged_models.conversion.arguments import read_labels
from edged_models.detector.checkpoint import SUFFIX, load_checkpoint
from edged_models.errors import SourceError
from edged_models.pictures.labelled import Task
from edged_models.pictures.open_pictures import open_pictures

_DEFAULTS = FineTuneSettings()
_DEFAULT_SEEDS = 3
_MAX_SEEDS, _MAX_PROCESSES = 100, 64
_CODE = ".py:"


def add_picture_options(parser: argparse.ArgumentParser) -> None:
    """Add the pictures."""
    parser.add_argument(
        "--pictures",
        metavar="PICTURES",
        help="labelled pictures to evaluate on (default: scenes:held-out:200 for a .npz)",
    )
    parser.add_argument(
        "--calibrate",
        metavar="PICTURES",
        help="pictures for calibration (default: those of --train-on)",
    )


def add_work_options(parser: argparse.ArgumentParser) -> None:
    """Add the settings of the work."""
    names = ", ".join(technique.name for technique in GRID)
    parser.add_argument(
        "--only",
        type=_parse_technique_names,
        metavar="A,B",
        help=f"apply only these techniques of {names} (default: all)",
    )
    _add_budget_option(parser)
    parser.add_argument(
        "--seeds",
        type=integer_in_range(min_value=1, max_value=_MAX_SEEDS),
        metavar="N",
        default=_DEFAULT_SEEDS,
        help="fine-tune each technique with so many seeds, for the spread of the accuracy (%(default)s)",
    )
    _add_process_options(parser)


def _add_budget_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--budget",
        type=_parse_budget,
        metavar="LIMITS",
        help="choose the best row within limits, as size<=500KB,drop<=0.01,litert<=5ms, and copy it to best.tflite; limits of "
        "size, deflated, drop, accuracy, litert, tflite, litert-ram, tflite-ram (default: none)",
    )


def _add_process_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs",
        type=integer_in_range(min_value=1, max_value=_MAX_PROCESSES),
        metavar="N",
        default=len(os.sched_getaffinity(0)),
        help="build so many variants at once; with --threads 0 they share the cores (default: one for each core)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="use variants of an earlier run with the same settings (default: build all)",
    )


def read_network(args: argparse.Namespace) -> NetworkSpec:
    """Return how the network is opened; a Keras network without names takes those of the classes it is trained on.

    Raises:
        SourceError: the file cannot be read, or the names are not known.
        PicturesError: the pictures to train on cannot be read.
    """
    path: Path = args.network
    if path.suffix == SUFFIX:
        checkpoint = load_checkpoint(path)
        labels = checkpoint.architecture.labels
        return NetworkSpec(path=str(path), digest=checkpoint.digest(), labels=labels)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    labels = read_labels(args.labels) if args.labels else _read_class_names(args, path)
    return NetworkSpec(
        path=str(path), digest=digest, labels=labels, mean=args.mean or (), std=args.std or ()
    )


def fill_pictures(args: argparse.Namespace) -> None:
    """Fill in the pictures that are not given; of a Keras network they must be.

    Raises:
        SourceError: pictures are missing.
    """
    is_checkpoint = args.network.suffix == SUFFIX
    if not is_checkpoint:
        for option in ("pictures", "train_on"):
            if getattr(args, option) is None:
                name = option.replace("_", "-")
                raise SourceError(
                    f"{args.network} is no checkpoint of edged: give --{name} PICTURES"
                )
    args.pictures = args.pictures or "scenes:held-out:200"
    args.train_on = args.train_on or _DEFAULTS.training_pictures
    if args.calibrate is None and _CODE not in args.train_on:
        args.calibrate = args.train_on


def list_jobs(
    args: argparse.Namespace, network: NetworkSpec, folder: Path, *, side_px: int | None
) -> list[BuildJob]:
    """Return the variants to build: techniques that fine-tune once for each seed, the others once.

    Args:
        args: parsed options.
        network: the network.
        folder: where the models are written.
        side_px: side of a checkpoint's input; None for a Keras network.
    """
    jobs, tuning = [], read_fine_tuning_options(args)
    for technique in select_techniques(args.only, side_px=side_px):
        for number in range(args.seeds if technique.is_trained else 1):
            seed = args.seed + number
            name = technique.name if number == 0 else f"{technique.name}-seed-{seed}"
            job = BuildJob(
                technique=technique,
                network=network,
                tuning=structs.replace(tuning, seed=seed),
                calibration=args.calibrate,
                out=str(folder / f"{name}.tflite"),
            )
            jobs.append(job)
    return jobs


def _read_class_names(args: argparse.Namespace, path: Path) -> tuple[str, ...]:
    if _CODE not in args.train_on:
        pictures = open_pictures(args.train_on)
        if pictures.task is Task.CLASSIFICATION:
            return tuple(pictures.labels)
    raise SourceError(
        f"the classes of {path} are not known: give --labels FILE, in the order of its outputs"
    )


def _parse_technique_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    known = [technique.name for technique in GRID]
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(
                f"there is no technique {name!r}; the techniques are {', '.join(known)}"
            )
    if not names:
        raise argparse.ArgumentTypeError("give at least one technique")
    return names


def _parse_budget(text: str) -> tuple[Limit, ...]:
    try:
        return parse_budget(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
