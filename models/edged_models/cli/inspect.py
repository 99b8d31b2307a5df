"""``edged-models inspect``: what is in a .tflite, read without running it."""

import argparse
from pathlib import Path
from typing import Any

from edged_models import console
from edged_models.conversion.contents import Contents, OpCount, contents
from edged_models.conversion.flatmodel import flat_model, read_model
from edged_models.conversion.written import leftover_lines

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
    console.add_json(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Read and print.

    Raises:
        SourceError: the file cannot be read, is no .tflite, or is damaged.
    """
    content = read_model(args.model)
    model = flat_model(content, str(args.model))
    found = contents(content, model, args.model.name)
    console.answer(args, found, lines(found))
    return 0


def lines(found: Contents) -> list[str]:
    """The contents as a table."""
    said = {
        "says it is": found.title,
        "description": found.description,
        "licence": found.licence,
        "pixels": f"(pixel - {list(found.mean)}) / {list(found.std)}" if found.mean else "",
    }
    cost = sum(op.macs for op in found.ops) / _MILLION
    return console.table(
        [
            ("model", found.name),
            *((name, value) for name, value in said.items() if value),
            ("size", f"{found.bytes / _KIB:.0f} KiB, {found.deflated_bytes / _KIB:.0f} compressed"),
            ("input", found.input),
            *(("output", output) for output in found.outputs),
            (
                "labels",
                f"{len(found.labels)}: {'; '.join(found.labels[:8])}" if found.labels else "none",
            ),
            *(("op", _op(op)) for op in found.ops),
            *(
                (one.dtype, f"{one.tensors} tensors, {one.weights_bytes / _KIB:.1f} KiB of weights")
                for one in found.tensors
            ),
            *leftover_lines(found.leftovers),
            ("cost", f"{cost:.1f} million multiplications with addition a picture"),
            ("activations", f"{found.peak_activations_bytes / _KIB:.0f} KiB at their peak"),
            *([("subgraphs", found.subgraphs)] if found.subgraphs > 1 else []),
        ]
    )


def _op(op: OpCount) -> str:
    cost = f", {op.macs / _MILLION:.1f} M" if op.macs else ""
    return f"{op.count} {op.op} version {op.version}{cost}"
