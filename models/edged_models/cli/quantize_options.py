"""Options of ``edged-models quantize``, and the recipe that they give."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from edged.terminal.numbers import integer_in_range
from edged_models.conversion.calibration import RECOMMENDED_PICTURES
from edged_models.conversion.conversion_report import INTEGER_SCHEMES

if TYPE_CHECKING:
    from edged_models.conversion.source import ModelSource
    from edged_models.quantization.recipe import Recipe

SCHEMES = ("dynamic", "float16", "int8", "int16x8", "int4")
BEST = "best"
_ENGINES = ("tensorflow", "ai-edge", BEST)
_ROUNDINGS = ("min-max", "mse")
_IO_TYPES = ("uint8", "int8", "float")
_KEPT_AS = ("float", "int16")
_MAX_PICTURES = 100_000
DEFAULT_MAX_DROP = 0.01
DEFAULT_MAX_ERROR = 0.05


def add_scheme_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how layers are quantised, and which ones are not."""
    parser.add_argument(
        "--scheme", choices=SCHEMES, required=True, help="bits of weights and activations"
    )
    parser.add_argument(
        "--io",
        choices=_IO_TYPES,
        help="type of input and outputs for int8 (default: uint8, which takes pixels unchanged)",
    )
    parser.add_argument(
        "--engine",
        choices=_ENGINES,
        help="library that quantises; best tries both and prints how they compare (default: tensorflow if it can, else ai-edge)",
    )
    parser.add_argument(
        "--per-tensor",
        action="store_true",
        help="use one scale for each weight tensor, not one for each channel",
    )
    parser.add_argument(
        "--rounding",
        choices=_ROUNDINGS,
        default="min-max",
        help="how scales of weights are found: by the largest value, or for the least squared error, with the engine ai-edge only (default: %(default)s)",
    )
    parser.add_argument(
        "--older-runtime",
        action="store_true",
        help="use only what tflite-runtime 2.14 can compute, and try it (default: what ai-edge-litert can compute)",
    )


def add_layer_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for layers that differ from the scheme."""
    group = parser.add_argument_group("mixed precision (default: all layers alike)")
    for kept, text in (("float", "stay float"), ("int16", "have activations of 16 bits")):
        group.add_argument(
            f"--{kept}-layers",
            nargs="+",
            default=[],
            metavar="REGEX",
            help=f"layers that {text}: patterns that are searched in their names",
        )
        group.add_argument(
            f"--{kept}-ops",
            type=_parse_list,
            default=[],
            metavar="OP,…",
            help=f"kinds of ops that {text}, as CONCATENATION,SOFTMAX",
        )


def add_search_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the search for layers to keep."""
    group = parser.add_argument_group("search")
    group.add_argument(
        "--sensitivity",
        action="store_true",
        help="print what each layer loses by quantisation and costs in float; writes no model",
    )
    group.add_argument(
        "--auto",
        action="store_true",
        help="find the layers to keep so that --max-loss holds, at the least size",
    )
    group.add_argument(
        "--auto-keep",
        choices=_KEPT_AS,
        default="float",
        help="what --auto keeps layers as (default: %(default)s)",
    )
    group.add_argument(
        "--max-loss",
        type=_parse_share,
        metavar="X",
        help=f"bound of --auto: drop of mAP or accuracy with --judge ({DEFAULT_MAX_DROP}), else error of the outputs ({DEFAULT_MAX_ERROR})",
    )
    group.add_argument(
        "--judge",
        metavar="PICTURES",
        help="labelled pictures for --auto (default: outputs are compared with those of the float model)",
    )
    group.add_argument(
        "--judge-count",
        type=integer_in_range(min_value=1, max_value=_MAX_PICTURES),
        default=200,
        metavar="N",
        help="use at most so many of them, evenly spread (%(default)s)",
    )


def add_calibration_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for pictures."""
    parser.add_argument(
        "--calibrate",
        metavar="PICTURES",
        help="pictures for calibration: a folder, a COCO or YOLO set, a clip, or scenes:train",
    )
    parser.add_argument(
        "--calibration-count",
        type=integer_in_range(min_value=1, max_value=_MAX_PICTURES),
        default=300,
        metavar="N",
        help="use at most so many of them, evenly spread (%(default)s)",
    )


def check_options(args: argparse.Namespace) -> None:
    """Exit with a usage error if options exclude each other."""
    needs_calibration = args.scheme in INTEGER_SCHEMES
    if needs_calibration and not args.calibrate:
        args.usage(
            f"{args.scheme} needs --calibrate with {RECOMMENDED_PICTURES} or more pictures that show what the camera will see"
        )
    if args.calibrate and not (needs_calibration or compares(args)):
        args.usage(f"{args.scheme} needs no pictures: omit --calibrate")
    if args.io and args.scheme != "int8":
        args.usage(f"input and outputs of a {args.scheme} model are floats: --io needs int8")
    if args.sensitivity and (args.auto or args.out):
        args.usage("--sensitivity writes no model: omit --auto and --out")
    if not args.auto and (args.judge or args.max_loss is not None):
        args.usage("--judge and --max-loss are for --auto")
    if args.engine == BEST and (args.auto or args.sensitivity):
        args.usage("--auto and --sensitivity work with one engine: name it instead of best")


def compares(args: argparse.Namespace) -> bool:
    """Return whether variants are compared, which takes pictures for every scheme."""
    return bool(args.auto or args.sensitivity or args.engine == BEST)


def read_recipe(args: argparse.Namespace, source: "ModelSource") -> "Recipe":
    """Return the recipe that the options give.

    Raises:
        SourceError: a pattern matches no layer, or an option does not apply to the scheme.
    """
    from edged_models.quantization.recipe import make_recipe
    from edged_models.quantization.scheme import IoType, Rounding, Scheme

    io = IoType(args.io) if args.io else None
    recipe = make_recipe(Scheme(args.scheme), io, per_channel=not args.per_tensor)
    recipe = replace(recipe, rounding=Rounding(args.rounding), older_runtime=args.older_runtime)
    if args.float_layers or args.float_ops or args.int16_layers or args.int16_ops:
        return _select_layers(args, source, recipe)
    return recipe


def _select_layers(args: argparse.Namespace, source: "ModelSource", recipe: "Recipe") -> "Recipe":
    from edged_models.conversion.source import Precision
    from edged_models.conversion.tflite_model import parse_model
    from edged_models.quantization.layers import list_layers, select_layers

    layers = list_layers(parse_model(source.to_tflite(Precision.FLOAT32), source.name))
    return replace(
        recipe,
        float_layers=select_layers(layers, patterns=args.float_layers, ops=args.float_ops),
        int16_layers=select_layers(layers, patterns=args.int16_layers, ops=args.int16_ops),
    )


def _parse_list(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(
            f"expected kinds of ops, separated by commas, got {text!r}"
        )
    return names


def _parse_share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got {text!r}")
    return value
