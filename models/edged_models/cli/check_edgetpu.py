"""``edged-models check-edgetpu``: check op by op whether a model is ready for the EdgeTPU."""

import argparse
from itertools import groupby
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged_models import console
from edged_models.cli.options import add_model_argument
from edged_models.conversion.tflite_model import parse_model, read_model_bytes
from edged_models.edgetpu.compiler import COMPILER_NAME, CompilerReport, compile_model
from edged_models.edgetpu.readiness import OpPlacement, Readiness, check_readiness
from edged_models.errors import ToolError

_EXIT_NOT_READY = 1
_MIB = 1 << 20
_MAX_CPU_LINES = 8


class EdgetpuCheck(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        model: path of the model.
        ready: whether the model is ready by the rules, and by the compiler if it is installed.
        analysis: result of the rules.
        compilation: result of the compiler; None if it is not installed.
    """

    model: Path
    ready: bool
    analysis: Readiness
    compilation: CompilerReport | None


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "check-edgetpu",
        help="check whether a model is ready for the EdgeTPU, and which ops would run on the CPU",
        description="Checks each op of a .tflite by the rules of the EdgeTPU's compiler 16, and runs the compiler if it is "
        "installed. Exits with 1 if the model is not ready.",
    )
    add_model_argument(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the compiled model")
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Check the model, and compile it if possible.

    Returns:
        0 if the model is ready, else 1.

    Raises:
        SourceError: the file cannot be read, is not a .tflite, or is damaged.
        ToolError: the compiler cannot be run, or the compiled model cannot be written.
    """
    analysis = check_readiness(parse_model(read_model_bytes(args.model), str(args.model)))
    compilation = compile_model(args.model, out=args.out)
    if args.out and compilation is None:
        raise ToolError(f"cannot write {args.out}: there is no {COMPILER_NAME} on PATH")
    ready = analysis.ready and (compilation is None or _compiler_agrees(compilation, analysis))
    check = EdgetpuCheck(model=args.model, ready=ready, analysis=analysis, compilation=compilation)
    console.print_result(args, check, format_lines(check))
    return 0 if ready else _EXIT_NOT_READY


def format_lines(check: EdgetpuCheck) -> list[str]:
    """Format the result as a table."""
    analysis = check.analysis
    mapped = sum(op.on_edgetpu for op in analysis.ops)
    reason = analysis.rejection_reason
    rows = [
        ("model", check.model),
        ("ready", "yes" if check.ready else "no"),
        *([("rejected", reason)] if reason else []),
        ("EdgeTPU", f"{mapped} of {len(analysis.ops)} ops"),
        *(("CPU", line) for line in _describe_cpu_ops(analysis.cpu_ops)[:_MAX_CPU_LINES]),
        ("parameters", _describe_parameters(analysis)),
        ("compiler", _describe_compilation(check.compilation)),
    ]
    return console.format_table(rows)


def _compiler_agrees(compilation: CompilerReport, analysis: Readiness) -> bool:
    return compilation.succeeded and compilation.on_cpu <= len(analysis.cpu_ops)


def _describe_parameters(analysis: Readiness) -> str:
    used, memory = analysis.parameters_bytes, analysis.memory_bytes
    text = f"{used / _MIB:.2f} MiB of the chip's {memory / _MIB:.0f}"
    if used > memory:
        text += ": the rest is sent over the bus for every picture"
    return text


def _describe_cpu_ops(placements: tuple[OpPlacement, ...]) -> list[str]:
    """Return a line for each run of neighbouring ops that are on the CPU for the same reason."""
    lines = []
    for reason, group in groupby(placements, key=lambda placement: placement.reason):
        first, *rest = list(group)
        more = f" and {len(rest)} more to op {rest[-1].index}" if rest else ""
        output = f" ({first.output})" if first.output else ""
        lines.append(f"op {first.index} {first.op}{output}{more}: {reason}")
    return lines


def _describe_compilation(compilation: CompilerReport | None) -> str:
    if compilation is None:
        return f"not run: no {COMPILER_NAME} on PATH"
    if not compilation.succeeded:
        return f"failed: {' '.join(compilation.log.split())[:300]}"
    out = f", written to {compilation.out}" if compilation.out else ""
    return f"{compilation.on_edgetpu} ops on the EdgeTPU, {compilation.on_cpu} on the CPU{out}"
