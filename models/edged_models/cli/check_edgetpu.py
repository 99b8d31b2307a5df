"""``edged-models check-edgetpu``: whether a model is ready for the EdgeTPU, op by op."""

import argparse
from itertools import groupby
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged_models import console
from edged_models.conversion.flatmodel import flat_model, read_model
from edged_models.edgetpu.compiler import NAME, Compiled, compile_model
from edged_models.edgetpu.readiness import OpVerdict, Readiness, readiness
from edged_models.errors import ToolError

_NOT_READY = 1
_MIB = 1 << 20
_MOST_RUNS = 8


class Checked(Struct, frozen=True, kw_only=True):
    """What is known about a model and the EdgeTPU.

    Attributes:
        model: the file.
        ready: by the rules, and by the compiler if it was run.
        judged: by the rules.
        compiled: by the compiler; None if it is not installed.
    """

    model: Path
    ready: bool
    judged: Readiness
    compiled: Compiled | None


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "check-edgetpu",
        help="say whether a model is ready for the EdgeTPU, and what would fall to the CPU",
        description="Judges each op of a .tflite by what the EdgeTPU's compiler 16 takes, and runs the compiler if it is installed. "
        "Exits with 1 if the model is not ready.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep what the compiler makes")
    console.add_json(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Judge, compile if possible, print.

    Returns:
        0 if the model is ready, else 1.

    Raises:
        SourceError: the file cannot be read, is no .tflite, or is damaged.
        ToolError: the compiler cannot be run, or its result not written.
    """
    judged = readiness(flat_model(read_model(args.model), str(args.model)))
    compiled = compile_model(args.model, out=args.out)
    if args.out and compiled is None:
        raise ToolError(f"cannot write {args.out}: there is no {NAME} on PATH")
    ready = judged.ready and (compiled is None or _agrees(compiled, judged))
    checked = Checked(model=args.model, ready=ready, judged=judged, compiled=compiled)
    console.answer(args, checked, lines(checked))
    return 0 if ready else _NOT_READY


def lines(checked: Checked) -> list[str]:
    """The verdict as a table."""
    judged = checked.judged
    mapped = sum(op.edgetpu for op in judged.ops)
    size = (
        f"{judged.parameters_bytes / _MIB:.2f} MiB of the chip's {judged.memory_bytes / _MIB:.0f}"
    )
    if judged.parameters_bytes > judged.memory_bytes:
        size += ": what does not fit is sent over the bus for every picture"
    rows = [
        ("model", checked.model),
        ("ready", "yes" if checked.ready else "no"),
        *([("refused", judged.refused)] if judged.refused else []),
        ("EdgeTPU", f"{mapped} of {len(judged.ops)} ops"),
        *(("CPU", line) for line in _runs(judged.on_cpu)[:_MOST_RUNS]),
        ("parameters", size),
        ("compiler", _compiler(checked.compiled)),
    ]
    return console.table(rows)


def _agrees(compiled: Compiled, judged: Readiness) -> bool:
    return compiled.succeeded and compiled.on_cpu <= len(judged.on_cpu)


def _runs(verdicts: tuple[OpVerdict, ...]) -> list[str]:
    """Ops on the CPU; neighbours for the same reason as one."""
    written = []
    for why, group in groupby(verdicts, key=lambda verdict: verdict.why):
        first, *rest = list(group)
        more = f" and {len(rest)} more to op {rest[-1].place}" if rest else ""
        written.append(f"op {first.place} {first.op} ({first.gives}){more}: {why}")
    return written


def _compiler(compiled: Compiled | None) -> str:
    if compiled is None:
        return f"not run: no {NAME} on PATH"
    if not compiled.succeeded:
        return f"failed: {' '.join(compiled.said.split())[:300]}"
    kept = f", written to {compiled.out}" if compiled.out else ""
    return f"{compiled.on_edgetpu} ops on the EdgeTPU, {compiled.on_cpu} on the CPU{kept}"
