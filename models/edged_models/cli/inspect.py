"""``edged-models inspect``: what is in a .tflite, read without running it."""

import argparse
from pathlib import Path
from typing import Any

from edged_models import console
from edged_models.conversion.conversion_report import unquantized_rows
from edged_models.conversion.model_contents import ModelContents, OpCount, inspect_model
from edged_models.conversion.tflite_model import parse_model, read_model_bytes

_MILLION = 1e6
_KIB = 1024


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "inspect",
        help="list what is in a .tflite: ops, types, weights, metadata, cost",
        description="Reads a .tflite without running it: its ops with their versions, what its weights take by type, what is float in "
        "it, what it says of itself, and what one picture costs. `edged inspect` is the one that runs it.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Read and print.

    Raises:
        SourceError: the file cannot be read, is no .tflite, or is damaged.
    """
    content = read_model_bytes(args.model)
    model = parse_model(content, str(args.model))
    found = inspect_model(content, model, args.model.name)
    console.print_result(args, found, format_lines(found))
    return 0


def format_lines(contents: ModelContents) -> list[str]:
    """The contents as a table."""
    said = {
        "says it is": contents.title,
        "description": contents.description,
        "licence": contents.licence,
        "pixels": f"(pixel - {list(contents.mean)}) / {list(contents.std)}"
        if contents.mean
        else "",
    }
    cost = sum(op.macs for op in contents.ops) / _MILLION
    return console.format_table(
        [
            ("model", contents.name),
            *((name, value) for name, value in said.items() if value),
            (
                "size",
                f"{contents.bytes / _KIB:.0f} KiB, {contents.deflated_bytes / _KIB:.0f} compressed",
            ),
            ("input", contents.input),
            *(("output", output) for output in contents.outputs),
            (
                "labels",
                f"{len(contents.labels)}: {'; '.join(contents.labels[:8])}"
                if contents.labels
                else "none",
            ),
            *(("op", _describe_op(op)) for op in contents.ops),
            *(
                (one.dtype, f"{one.tensors} tensors, {one.weights_bytes / _KIB:.1f} KiB of weights")
                for one in contents.tensors
            ),
            *unquantized_rows(contents.unquantized),
            ("cost", f"{cost:.1f} million multiplications with addition a picture"),
            ("activations", f"{contents.peak_activations_bytes / _KIB:.0f} KiB at their peak"),
            *([("subgraphs", contents.subgraph_count)] if contents.subgraph_count > 1 else []),
        ]
    )


def _describe_op(op: OpCount) -> str:
    cost = f", {op.macs / _MILLION:.1f} M" if op.macs else ""
    return f"{op.count} {op.op} version {op.version}{cost}"
