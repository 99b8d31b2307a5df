"""Options of ``edged-models train``."""

import argparse
from pathlib import Path

from edged.terminal.numbers import integer_in_range, number_in_range
from edged_models.cli.options import add_threads_option

_SIDES_PX = (320, 256, 192)
SIDE_MULTIPLE_PX = 32
DEFAULT_STEPS = 20_000
FRESH_RATE, TUNING_RATE = 2e-3, 1e-3
NO_START = "none"
_MAX_THREADS = 256


def add_picture_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the pictures to train and validate on."""
    parser.add_argument(
        "--pictures",
        metavar="PICTURES",
        help="labelled pictures to train on: a COCO or YOLO folder, or a clip (default: drawn scenes)",
    )
    parser.add_argument(
        "--validate",
        metavar="PICTURES",
        help="labelled pictures to evaluate on during the training (default: a tenth of --pictures, or scenes:held-out)",
    )
    parser.add_argument(
        "--without-marks",
        type=Path,
        metavar="FOLDER",
        help="photographs without any mark, as backgrounds of drawn scenes",
    )


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the network and its start."""
    parser.add_argument(
        "--start",
        metavar="FILE",
        help=f"checkpoint to start from, or '{NO_START}' for random weights (default: the bundled weights)",
    )
    parser.add_argument(
        "--width",
        type=number_in_range(min_value=0.1, max_value=4),
        metavar="W",
        help="factor for the number of channels of a network with random weights (default: 1)",
    )
    parser.add_argument(
        "--sides",
        type=integer_in_range(min_value=64, max_value=1024),
        nargs="+",
        default=list(_SIDES_PX),
        metavar="PX",
        help=f"sides of the square input, multiples of {SIDE_MULTIPLE_PX} (default: {' '.join(map(str, _SIDES_PX))})",
    )


def add_length_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the length of the training, and its learning rate."""
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--steps",
        type=integer_in_range(min_value=1, max_value=10_000_000),
        metavar="N",
        help=f"number of batches to train on (default: {DEFAULT_STEPS})",
    )
    length.add_argument(
        "--minutes",
        type=number_in_range(min_value=0, exclude_min=True),
        metavar="M",
        help="duration of the training; the number of steps follows from the time that they take",
    )
    parser.add_argument(
        "--rate",
        type=number_in_range(min_value=0, exclude_min=True, max_value=1),
        metavar="R",
        help=f"highest learning rate (default: {FRESH_RATE:g} with random weights, else {TUNING_RATE:g})",
    )


def add_result_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which weights are the result, and where else the numbers go."""
    parser.add_argument(
        "--keep",
        choices=["best", "last"],
        default="best",
        help="weights to write: those with the best AP50 on the validation pictures, or the last (%(default)s)",
    )
    parser.add_argument(
        "--patience",
        type=integer_in_range(min_value=1, max_value=1000),
        metavar="N",
        help="end the training after N validations without a better AP50 (default: never)",
    )
    parser.add_argument(
        "--tensorboard",
        type=Path,
        metavar="FOLDER",
        help="write the numbers of the journal as logs for TensorBoard too (default: none)",
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for random numbers, threads and processes."""
    parser.add_argument(
        "--seed",
        type=integer_in_range(min_value=0, max_value=900),
        default=1,
        metavar="N",
        help="seed of all random numbers (%(default)s)",
    )
    add_threads_option(parser, max_value=_MAX_THREADS, text="threads of TensorFlow")
    parser.add_argument(
        "--processes",
        type=integer_in_range(min_value=1, max_value=64),
        default=1,
        metavar="N",
        help="processes that draw or read pictures (%(default)s)",
    )
