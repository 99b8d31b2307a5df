"""Learns kinds of pictures on a device, from a few of each, and classifies others; needs no TensorFlow.

    personalise.py train FOLDER     trains on the subfolders of FOLDER, one for each kind; writes kinds.npz
    personalise.py predict PICTURE...

Needs edged with a runtime, and the two models of make_head.py in the folder --models.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
from feature_extractor import FeatureExtractor
from trainable_head import FeatureSet, TrainableHead, initial_weights, load_weights, save_weights

from edged.errors import ConfigError, EdgedError
from edged.terminal.numbers import integer_in_range

_PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})
_MIN_KINDS, _MIN_PICTURES = 2, 2
_HOLD_OUT_EVERY = 4
"""One in so many pictures of each kind is held out for the accuracy."""


def main(argv: list[str]) -> int:
    """Train or predict; print one line and return 1 on an error."""
    args = _parser().parse_args(argv)
    try:
        args.func(args)
    except EdgedError as error:
        print(f"personalise: {error}", file=sys.stderr)
        return 1
    return 0


def train(args: argparse.Namespace) -> None:
    """Train the head on a folder of pictures, and print its accuracy on those that are held out.

    Raises:
        EdgedError: a picture, a model or the file of weights cannot be used.
    """
    kinds = _pictures_by_kind(args.folder)
    training, held_out = _extract_features(kinds, args.models, args.runtime)
    head = TrainableHead(args.models / "head.tflite", args.runtime)
    if len(kinds) > head.kind_count:
        raise ConfigError(
            f"{args.folder} has {len(kinds)} kinds; the head has {head.kind_count}: make one with --max-kinds"
        )
    head.load_weights(initial_weights(training, head.kind_count))
    start_s = time.perf_counter()
    loss = head.train(training, steps=args.steps, seed=args.seed)
    seconds = time.perf_counter() - start_s
    save_weights(args.weights, head.get_weights(training.names))
    print(f"{args.weights}: {', '.join(kinds)}, from {len(training.kinds)} pictures")
    print(f"{args.steps} steps, {seconds / args.steps * 1e3:.3f} ms each; loss {loss:.3f}")
    if len(held_out.kinds):
        accuracy = np.mean([head.score(x).argmax() == k for x, k in held_out.iterate_pairs()])
        print(f"accuracy {accuracy:.0%} on {len(held_out.kinds)} held-out pictures")
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory {peak_kib / 1024:.0f} MiB")


def predict(args: argparse.Namespace) -> None:
    """Print the kind of each picture, with its score.

    Raises:
        EdgedError: a picture, a model or the file of weights cannot be used.
    """
    weights = load_weights(args.weights)
    extractor = FeatureExtractor(args.models / "features.tflite", args.runtime)
    head = TrainableHead(args.models / "head.tflite", args.runtime)
    head.load_weights(weights)
    for path in args.pictures:
        scores = head.score(extractor.extract(path))
        best = int(scores.argmax())
        print(f"{path}: {weights.names[best]} {scores[best]:.2f}")


def _extract_features(
    kinds: dict[str, list[Path]], models: Path, runtime: str
) -> tuple[FeatureSet, FeatureSet]:
    """Return the features for training, and those that are held out."""
    extractor = FeatureExtractor(models / "features.tflite", runtime)
    features = {
        name: np.stack([extractor.extract(path) for path in paths]) for name, paths in kinds.items()
    }
    held_out = np.s_[_HOLD_OUT_EVERY - 1 :: _HOLD_OUT_EVERY]
    return (
        FeatureSet.from_features(
            {name: np.delete(array, held_out, axis=0) for name, array in features.items()}
        ),
        FeatureSet.from_features({name: array[held_out] for name, array in features.items()}),
    )


def _pictures_by_kind(folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder")
    pictures = {
        kind.name: sorted(p for p in kind.iterdir() if p.suffix.lower() in _PICTURE_SUFFIXES)
        for kind in sorted(folder.iterdir())
        if kind.is_dir()
    }
    if len(pictures) < _MIN_KINDS:
        raise ConfigError(
            f"{folder} has {len(pictures)} subfolders; at least {_MIN_KINDS} kinds are needed"
        )
    for name, paths in pictures.items():
        if len(paths) < _MIN_PICTURES:
            raise ConfigError(
                f"{folder / name} has {len(paths)} pictures; at least {_MIN_PICTURES} are needed"
            )
    return pictures


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    script_folder = Path(__file__).parent
    common.add_argument("--models", type=Path, default=script_folder, metavar="FOLDER")
    common.add_argument("--weights", type=Path, default=Path("kinds.npz"), metavar="FILE")
    common.add_argument("--runtime", choices=["auto", "litert", "tflite"], default="auto")
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    training = commands.add_parser("train", parents=[common])
    training.add_argument("folder", type=Path)
    steps = integer_in_range(min_value=1, max_value=100_000)
    seeds = integer_in_range(min_value=0, max_value=2**32 - 1)
    training.add_argument("--steps", type=steps, default=300)
    training.add_argument("--seed", type=seeds, default=0)
    training.set_defaults(func=train)
    prediction = commands.add_parser("predict", parents=[common])
    prediction.add_argument("pictures", type=Path, nargs="+")
    prediction.set_defaults(func=predict)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
