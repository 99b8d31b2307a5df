"""The network that a command changes, and the options of its fine-tuning."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edged.terminal.numbers import integer_in_range, number_in_range
from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.conversion.arguments import parse_values, read_labels
from edged_models.detector.checkpoint import SUFFIX
from edged_models.errors import ToolError
from edged_models.threads import limit_threads

if TYPE_CHECKING:
    from edged_models.compression.network import Network, NetworkTrainer

_MAX_STEPS = 1_000_000
_MAX_THREADS = 64
_DEFAULT_SETTINGS = FineTuneSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedNetwork:
    """A network, and what trains it.

    Attributes:
        network: the network.
        trainer: trains it; None for no fine-tuning.
        tuning: settings of the fine-tuning; its pictures are described with their digest.
    """

    network: "Network"
    trainer: "NetworkTrainer | None"
    tuning: FineTuneSettings

    def evaluate(self, network: "Network") -> float | None:
        """Return the accuracy of a network on the pictures kept for validation; None if it cannot be measured."""
        return self.trainer.evaluate(network.build_for_side()) if self.trainer else None


def add_checkpoint_argument(parser: argparse.ArgumentParser) -> None:
    """Add the checkpoint that the command reads."""
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="a .npz file of `edged-models train`"
    )


def add_network_argument(parser: argparse.ArgumentParser) -> None:
    """Add the network that the command reads, and what is not in its file."""
    text = "a checkpoint of `edged-models train` (.npz), or a Keras file (.keras, .h5)"
    parser.add_argument("network", type=Path, metavar="NETWORK", help=text)
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="a Keras network's class names, a text file with one a line (default: those of --train-on, in alphabetical order)",
    )
    parser.add_argument(
        "--mean",
        type=parse_values,
        metavar="M",
        help="a Keras network's normalisation (pixel - M) / S of pixels 0..255: one number, or R,G,B (default: 0 and 1 if a layer "
        "of it normalises; otherwise it must be given)",
    )
    parser.add_argument("--std", type=parse_values, metavar="S", help="see --mean")


def add_fine_tuning_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the fine-tuning."""
    parser.add_argument(
        "--train-on",
        "--train-pictures",
        dest="train_on",
        metavar="PICTURES",
        help="labelled pictures to fine-tune on: a folder, drawn scenes, or file.py:trainer, a function trainer(model, steps, "
        f"progress) (default: {_DEFAULT_SETTINGS.training_pictures} for a checkpoint; a Keras network has none)",
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


def read_fine_tuning_options(args: argparse.Namespace) -> FineTuneSettings:
    """Return the settings that the options of `add_fine_tuning_options` give."""
    return FineTuneSettings(
        training_pictures=args.train_on or _DEFAULT_SETTINGS.training_pictures,
        steps=args.steps,
        rate=args.rate,
        seed=args.seed,
        threads=args.threads,
    )


def open_command_network(args: argparse.Namespace) -> OpenedNetwork:
    """Open the network of `add_network_argument`, and what trains it.

    Raises:
        ToolError: they cannot be used, or a Keras network has nothing to train on.
    """
    if (args.mean is None) != (args.std is None):
        args.usage("--mean and --std must be given together")
    if args.std and 0.0 in args.std:
        args.usage("--std cannot be 0")
    tuning = read_fine_tuning_options(args)
    limit_threads(tuning.threads)
    from edged_models.compression.open_network import open_network, open_trainer

    labels = read_labels(args.labels) if args.labels else ()
    network = open_network(
        str(args.network), labels=labels, mean=args.mean or (), std=args.std or ()
    )
    if args.can_skip and args.no_fine_tuning:
        untrained = msgspec.structs.replace(tuning, training_pictures="", steps=0)
        return OpenedNetwork(network=network, trainer=None, tuning=untrained)
    if args.train_on is None and args.network.suffix != SUFFIX:
        way_out = " or --no-fine-tuning" if args.can_skip else ""
        raise ToolError(
            f"{args.network} must be trained after the change: give --train-on a folder of pictures or file.py:trainer{way_out}"
        )
    named, trainer, description = open_trainer(network, tuning.training_pictures)
    described = msgspec.structs.replace(tuning, training_pictures=description)
    return OpenedNetwork(network=named, trainer=trainer, tuning=described)


def resolve_output_path(args: argparse.Namespace, name_suffix: str, suffix: str) -> Path:
    """Return the path of the result.

    Args:
        args: parsed arguments with ``out`` and ``network``.
        name_suffix: added to the network's name if ``--out`` is not given.
        suffix: suffix of the file.

    Raises:
        ToolError: the path is that of the network itself, or has another suffix.
    """
    out: Path = args.out or args.network.with_name(f"{args.network.stem}-{name_suffix}{suffix}")
    if out.suffix != suffix:
        raise ToolError(f"{out} must end in {suffix}, as the kind of file that is written")
    if out.exists() and out.samefile(args.network):
        raise ToolError(f"{out} is the network itself: name another file with --out")
    return out
