"""``edged bench``: measure the daemon against the bare interpreter on this machine."""

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edged import bundled
from edged.cli.bench_options import add_options
from edged.cli.progress import ProgressBar
from edged.clock import SystemClock
from edged.errors import EdgedError

if TYPE_CHECKING:
    from edged.bench.report_values import BenchReport
    from edged.bench.session import BenchOptions

_RUNTIME_MODULES = {"litert": "ai_edge_litert.interpreter", "tflite": "tflite_runtime.interpreter"}
_QUICK_SECONDS = 1.0


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "bench",
        help="measure the daemon against the bare interpreter on this machine",
        description="Runs the bare interpreter, a loop as tutorials print it, and the whole daemon in turn, with the same frames and a real"
        " broker. The table has medians over all rounds, their ranges, and edged's ratio to each of the others.",
    )
    add_options(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Measure, and print the report.

    Raises:
        EdgedError: the model or a runtime is missing, a file cannot be read or written, or the daemon or the broker does not start.
    """
    from edged.bench.compare import compare_reports, format_comparisons, list_differences
    from edged.bench.kept_report import read_report, write_report
    from edged.bench.plots import write_plots
    from edged.bench.table import format_report

    _check_files(args)
    old = read_report(args.compare) if args.compare else None
    report = read_report(args.kept) if args.kept else _measure(args)
    if args.out:
        write_report(report, args.out)
    if args.json:
        print(msgspec.json.encode(report).decode())
        return 0
    print(format_report(report))
    if old is not None:
        print(f"\n{format_comparisons(old, compare_reports(old, report))}")
        for difference in list_differences(old, report):
            print(f"not the same: {difference}")
    if args.plots:
        for path in write_plots(report, args.plots):
            print(f"drew {path}")
    return 0


def _check_files(args: argparse.Namespace) -> None:
    """Find out now what would fail after minutes."""
    from edged.bench.kept_report import check_writable
    from edged.bench.plots import check_plotting

    if args.json and (args.compare or args.plots):
        raise EdgedError(
            "--json prints the report alone: keep it with --out, then use --from with --compare and --plots"
        )
    if args.out:
        check_writable(args.out, "--out")
    if args.plots:
        check_plotting()


def _measure(args: argparse.Namespace) -> "BenchReport":
    from edged.bench.session import run_session

    options = _read_options(args)
    with ProgressBar(sys.stderr) as progress:
        return run_session(options, SystemClock(), progress.show)


def _read_options(args: argparse.Namespace) -> "BenchOptions":
    from edged.bench.session import BenchOptions
    from edged.bench.workspace import ModelOnRuntime

    if args.scenario and (args.against or args.clip):
        raise EdgedError("--against and --clip belong to the main benchmark, not to a --scenario")
    runtime = _find_runtime()
    model = ModelOnRuntime(
        path=_find_model(args), runtime=runtime, module=_RUNTIME_MODULES[runtime]
    )
    return BenchOptions(
        model=model,
        size=args.size,
        fps=args.fps,
        rounds=1 if args.quick else args.pairs,
        seconds=min(args.seconds, _QUICK_SECONDS) if args.quick else args.seconds,
        clip=_find_file("--clip", args.clip) if args.clip else None,
        against=args.against,
        scenario=args.scenario,
    )


def _find_model(args: argparse.Namespace) -> Path:
    return _find_file("--model", args.model or bundled.model_path())


def _find_file(option: str, path: Path) -> Path:
    if not path.is_file():
        raise EdgedError(f"{option}: no such file: {path.absolute()}")
    return path.absolute()


def _find_runtime() -> str:
    """Return the name of the first runtime that is installed."""
    for name, module in _RUNTIME_MODULES.items():
        if _is_installed(module):
            return name
    raise EdgedError("no runtime is installed: pip install 'edged[litert]'")


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module.partition(".")[0]) is not None
