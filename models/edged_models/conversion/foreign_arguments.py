"""Options of models of other frameworks on the command line."""

import argparse

from edged_models.conversion.foreign_options import ForeignOptions, InputLayout

PYTORCH_PREFIX = "torch:"
"""Marks a Python file as one of PyTorch, if its imports do not."""
_RANK = 4


def add_foreign_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a PyTorch or ONNX model is converted."""
    parser.add_argument(
        "--input",
        type=_parse_shape,
        default=(),
        metavar="1,C,H,W",
        help="input shape of a PyTorch or ONNX model (default: its own)",
    )
    parser.add_argument(
        "--layout",
        choices=[one.value for one in InputLayout],
        default=InputLayout.CHANNELS_LAST.value,
        help="axes of pictures of a PyTorch model in the .tflite: channels-last as the daemon needs it, or as-is (%(default)s)",
    )
    parser.add_argument(
        "--set-up",
        action="store_true",
        help="download and install the converter of PyTorch or ONNX models if it is missing (default: say how large it is)",
    )


def read_foreign_options(args: argparse.Namespace) -> ForeignOptions:
    """Return the values of these options."""
    return ForeignOptions(
        input_shape=args.input, layout=InputLayout(args.layout), set_up=args.set_up
    )


def _parse_shape(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = ()
    if len(sizes) != _RANK or min(sizes) < 1:
        raise argparse.ArgumentTypeError(
            f"expected four positive numbers, as 1,3,224,224, got {text!r}"
        )
    return sizes
