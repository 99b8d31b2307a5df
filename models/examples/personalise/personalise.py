"""On the device: learns kinds of pictures from a few of each, and says of which kind another one is. No TensorFlow.

    personalise.py train FOLDER     a folder in it for each kind, its name the kind's; writes kinds.npz
    personalise.py predict PICTURE...

Needs edged with a runtime, and the two models that make_head.py makes, in --models.
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
"""Each so-many-th picture of a kind is not learnt from."""


def main(argv: list[str]) -> int:
    """Train or predict; 1 and one line if that cannot be."""
    args = _parser().parse_args(argv)
    try:
        args.func(args)
    except EdgedError as error:
        print(f"personalise: {error}", file=sys.stderr)
        return 1
    return 0


def train(args: argparse.Namespace) -> None:
    """Learn from a folder, with a share of the pictures held back to judge by."""
    kinds = _pictures_by_kind(args.folder)
    seer = FeatureExtractor(args.models / "features.tflite", args.runtime)
    samples = {
        name: np.stack([seer.extract(path) for path in paths]) for name, paths in kinds.items()
    }
    learnt_from = FeatureSet.from_features(
        {
            name: np.delete(f, np.s_[_HOLD_OUT_EVERY - 1 :: _HOLD_OUT_EVERY], axis=0)
            for name, f in samples.items()
        }
    )
    held_back = FeatureSet.from_features(
        {name: f[_HOLD_OUT_EVERY - 1 :: _HOLD_OUT_EVERY] for name, f in samples.items()}
    )
    learner = TrainableHead(args.models / "head.tflite", args.runtime)
    if len(kinds) > learner.kind_count:
        raise ConfigError(
            f"there are {len(kinds)} kinds; the head tells {learner.kind_count} apart"
        )
    learner.load_weights(initial_weights(learnt_from, learner.kind_count))
    start_s = time.perf_counter()
    loss = learner.train(learnt_from, steps=args.steps, seed=args.seed)
    seconds = time.perf_counter() - start_s
    save_weights(args.weights, learner.get_weights(learnt_from.names))
    print(f"{args.weights}: {', '.join(kinds)}, from {len(learnt_from.kinds)} pictures")
    print(f"{args.steps} steps, {seconds / args.steps * 1e3:.3f} ms each; loss {loss:.3f}")
    if len(held_back.kinds):
        right = np.mean([learner.score(x).argmax() == k for x, k in held_back.iterate_pairs()])
        print(f"right on {right:.0%} of {len(held_back.kinds)} pictures held back")
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{peak_kib / 1024:.0f} MiB of memory at most")


def predict(args: argparse.Namespace) -> None:
    """Say of which kind each picture is."""
    learnt = load_weights(args.weights)
    seer = FeatureExtractor(args.models / "features.tflite", args.runtime)
    learner = TrainableHead(args.models / "head.tflite", args.runtime)
    learner.load_weights(learnt)
    for path in args.pictures:
        scores = learner.score(seer.extract(path))
        best = int(scores.argmax())
        print(f"{path}: {learnt.names[best]} {scores[best]:.2f}")


def _pictures_by_kind(folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder")
    found = {
        kind.name: sorted(p for p in kind.iterdir() if p.suffix.lower() in _PICTURE_SUFFIXES)
        for kind in sorted(folder.iterdir())
        if kind.is_dir()
    }
    if len(found) < _MIN_KINDS:
        raise ConfigError(f"{folder} has {len(found)} folders in it; two kinds at least are needed")
    for name, paths in found.items():
        if len(paths) < _MIN_PICTURES:
            raise ConfigError(f"{folder / name} has {len(paths)} pictures; take two at least")
    return found


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    here = Path(__file__).parent
    common.add_argument("--models", type=Path, default=here, metavar="FOLDER")
    common.add_argument("--weights", type=Path, default=Path("kinds.npz"), metavar="FILE")
    common.add_argument("--runtime", choices=["auto", "litert", "tflite"], default="auto")
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    learns = commands.add_parser("train", parents=[common])
    learns.add_argument("folder", type=Path)
    learns.add_argument(
        "--steps", type=integer_in_range(min_value=1, max_value=100_000), default=300
    )
    learns.add_argument(
        "--seed", type=integer_in_range(min_value=0, max_value=2**32 - 1), default=0
    )
    learns.set_defaults(func=train)
    says = commands.add_parser("predict", parents=[common])
    says.add_argument("pictures", type=Path, nargs="+")
    says.set_defaults(func=predict)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
