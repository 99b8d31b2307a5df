"""``edged-models inspect``: list the contents of a .tflite without running it."""

import argparse
from typing import Any

from edged_models import console
from edged_models.cli.options import add_model_argument
from edged_models.conversion.conversion_report import unquantized_rows
from edged_models.conversion.model_contents import ModelContents, OpCount, inspect_model
from edged_models.conversion.tflite_model import parse_model, read_model_bytes

_MILLION = 1e6
_KIB = 1024
_MAX_LABELS = 8


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "inspect",
        help="list the contents of a .tflite: ops, types, weights, metadata, cost",
        description="Reads a .tflite without running it, and lists its metadata, its ops with their versions, its weights by type, "
        "its float parts, and the cost of one picture. `edged inspect` is the command that runs the model.",
    )
    add_model_argument(parser)
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Read the file and print its contents.

    Raises:
        SourceError: the file cannot be read, is not a .tflite, or is damaged.
    """
    content = read_model_bytes(args.model)
    model = parse_model(content, str(args.model))
    contents = inspect_model(content, model, args.model.name)
    console.print_result(args, contents, format_lines(contents))
    return 0


def format_lines(contents: ModelContents) -> list[str]:
    """Format the contents as a table."""
    kib, deflated_kib = contents.bytes / _KIB, contents.deflated_bytes / _KIB
    macs = sum(op.macs for op in contents.ops) / _MILLION
    subgraphs = [("subgraphs", contents.subgraph_count)] if contents.subgraph_count > 1 else []
    return console.format_table(
        [
            ("model", contents.name),
            *_metadata_rows(contents),
            ("size", f"{kib:.0f} KiB, {deflated_kib:.0f} compressed"),
            ("input", contents.input),
            *(("output", output) for output in contents.outputs),
            ("labels", _describe_labels(contents.labels)),
            *(("op", _describe_op(op)) for op in contents.ops),
            *(
                (one.dtype, f"{one.tensors} tensors, {one.weights_bytes / _KIB:.1f} KiB of weights")
                for one in contents.tensors
            ),
            *unquantized_rows(contents.unquantized),
            ("cost", f"{macs:.1f} million multiply-accumulate operations a picture"),
            ("activations", f"{contents.peak_activations_bytes / _KIB:.0f} KiB at the peak"),
            *subgraphs,
        ]
    )


def _metadata_rows(contents: ModelContents) -> list[tuple[str, str]]:
    mean, std = list(contents.mean), list(contents.std)
    rows = {
        "title": contents.title,
        "description": contents.description,
        "licence": contents.licence,
        "pixels": f"(pixel - {mean}) / {std}" if mean else None,
    }
    return [(name, value) for name, value in rows.items() if value]


def _describe_labels(labels: tuple[str, ...]) -> str:
    return f"{len(labels)}: {'; '.join(labels[:_MAX_LABELS])}" if labels else "none"


def _describe_op(op: OpCount) -> str:
    cost = f", {op.macs / _MILLION:.1f} M" if op.macs else ""
    return f"{op.count} {op.op} version {op.version}{cost}"
