"""``edged-models check-edgetpu``: whether a model is ready for the EdgeTPU, op by op."""

import argparse
from itertools import groupby
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged_models import console
from edged_models.conversion.tflite_model import parse_model, read_model_bytes
from edged_models.edgetpu.compiler import COMPILER_NAME, CompilerReport, compile_model
from edged_models.edgetpu.readiness import OpPlacement, Readiness, check_readiness
from edged_models.errors import ToolError

_EXIT_NOT_READY = 1
_MIB = 1 << 20
_MAX_CPU_LINES = 8


class EdgetpuCheck(Struct, frozen=True, kw_only=True):
    """What is known about a model and the EdgeTPU.

    Attributes:
        model: the file.
        ready: by the rules, and by the compiler if it was run.
        analysis: by the rules.
        compilation: by the compiler; None if it is not installed.
    """

    model: Path
    ready: bool
    analysis: Readiness
    compilation: CompilerReport | None


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
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Judge, compile if possible, print.

    Returns:
        0 if the model is ready, else 1.

    Raises:
        SourceError: the file cannot be read, is no .tflite, or is damaged.
        ToolError: the compiler cannot be run, or its result not written.
    """
    judged = check_readiness(parse_model(read_model_bytes(args.model), str(args.model)))
    compiled = compile_model(args.model, out=args.out)
    if args.out and compiled is None:
        raise ToolError(f"cannot write {args.out}: there is no {COMPILER_NAME} on PATH")
    ready = judged.ready and (compiled is None or _compiler_agrees(compiled, judged))
    checked = EdgetpuCheck(model=args.model, ready=ready, analysis=judged, compilation=compiled)
    console.print_result(args, checked, format_lines(checked))
    return 0 if ready else _EXIT_NOT_READY


def format_lines(check: EdgetpuCheck) -> list[str]:
    """The verdict as a table."""
    judged = check.analysis
    mapped = sum(op.on_edgetpu for op in judged.ops)
    size = (
        f"{judged.parameters_bytes / _MIB:.2f} MiB of the chip's {judged.memory_bytes / _MIB:.0f}"
    )
    if judged.parameters_bytes > judged.memory_bytes:
        size += ": what does not fit is sent over the bus for every picture"
    rows = [
        ("model", check.model),
        ("ready", "yes" if check.ready else "no"),
        *([("refused", judged.rejection_reason)] if judged.rejection_reason else []),
        ("EdgeTPU", f"{mapped} of {len(judged.ops)} ops"),
        *(("CPU", line) for line in _describe_cpu_ops(judged.cpu_ops)[:_MAX_CPU_LINES]),
        ("parameters", size),
        ("compiler", _describe_compilation(check.compilation)),
    ]
    return console.format_table(rows)


def _compiler_agrees(compilation: CompilerReport, analysis: Readiness) -> bool:
    return compilation.succeeded and compilation.on_cpu <= len(analysis.cpu_ops)


def _describe_cpu_ops(placements: tuple[OpPlacement, ...]) -> list[str]:
    """Ops on the CPU; neighbours for the same reason as one."""
    written = []
    for why, group in groupby(placements, key=lambda verdict: verdict.reason):
        first, *rest = list(group)
        more = f" and {len(rest)} more to op {rest[-1].index}" if rest else ""
        written.append(f"op {first.index} {first.op} ({first.output}){more}: {why}")
    return written


def _describe_compilation(compilation: CompilerReport | None) -> str:
    if compilation is None:
        return f"not run: no {COMPILER_NAME} on PATH"
    if not compilation.succeeded:
        return f"failed: {' '.join(compilation.log.split())[:300]}"
    kept = f", written to {compilation.out}" if compilation.out else ""
    return f"{compilation.on_edgetpu} ops on the EdgeTPU, {compilation.on_cpu} on the CPU{kept}"
