"""``edged bench``: measure the daemon against the bare interpreter on this machine."""

import argparse
import importlib.util
import platform
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edged import bundled
from edged.clock import SystemClock
from edged.errors import EdgedError
from edged.host.board import Board
from edged.terminal.numbers import integer_in_range, number_in_range
from edged.terminal.safe_stream import raw_stream

if TYPE_CHECKING:
    from edged.bench.results import Pair
    from edged.bench.runs import Benchmark

_RUNTIME_MODULES = {"litert": "ai_edge_litert.interpreter", "tflite": "tflite_runtime.interpreter"}
_WIDTH, _HEIGHT = (
    integer_in_range(min_value=64, max_value=7680),
    integer_in_range(min_value=64, max_value=4320),
)
_PACED_RATE_RATIO = 0.5
"""Frame rate of the latency runs, as a fraction of the bare interpreter's invoke rate."""


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "bench",
        help="measure the daemon against the bare interpreter on this machine",
        description="Runs the bare interpreter and the whole daemon in turn. The daemon publishes to a real broker with a subscriber.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    _add_run_options(parser)
    parser.set_defaults(func=run)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=Path, metavar="FILE", help="a .tflite file; default: the bundled model"
    )
    parser.add_argument(
        "--size",
        type=_parse_size,
        default=(1280, 720),
        metavar="WxH",
        help="frame size; default: 1280x720",
    )
    parser.add_argument(
        "--pairs",
        type=integer_in_range(min_value=1, max_value=1000),
        default=5,
        metavar="N",
        help="number of measured pairs of runs; default: 5",
    )
    parser.add_argument(
        "--seconds",
        type=number_in_range(min_value=0, exclude_min=True, max_value=3600),
        default=3.0,
        metavar="S",
        help="duration of each run; default: 3",
    )


def run(args: argparse.Namespace) -> int:
    """Measure, and print the result.

    Raises:
        EdgedError: the model or a runtime is missing, or the daemon or the broker does not start.
    """
    from edged.bench.results import compute_result, format_table

    model, runtime = _find_model(args), _find_runtime()
    result = compute_result(
        _run_pairs(model, runtime, args),
        machine=f"{Board().read_model()}, {platform.platform()}, Python {platform.python_version()}",
        model=model.name,
        runtime=runtime,
        frame="{}x{}".format(*args.size),
    )
    print(msgspec.json.encode(result).decode() if args.json else format_table(result))
    return 0


def _run_pairs(model: Path, runtime: str, args: argparse.Namespace) -> "list[Pair]":
    from edged.bench.runs import Benchmark
    from edged.demo.broker import HOST, LoopbackBroker, fastest_broker_command
    from edged.demo.run_folder import run_folder

    clock = SystemClock()
    with (
        run_folder("edged-bench-") as folder,
        LoopbackBroker(
            clock, partial(fastest_broker_command, folder.path), guard_fd=folder.guard_fd
        ) as broker,
    ):
        benchmark = Benchmark(
            model=model,
            runtime=runtime,
            module=_RUNTIME_MODULES[runtime],
            width=args.size[0],
            height=args.size[1],
            seconds=args.seconds,
            host=HOST,
            port=broker.port,
            folder=folder,
            clock=clock,
        )
        return [_run_pair(benchmark, number, args.pairs) for number in range(1, args.pairs + 1)]


def _run_pair(benchmark: "Benchmark", number: int, count: int) -> "Pair":
    from edged.bench.results import Pair

    print(f"pair {number} of {count} ...", end="\r", file=raw_stream(sys.stderr), flush=True)
    bare = benchmark.run_bare()
    saturated = benchmark.run_saturated()
    paced = benchmark.run_paced(_PACED_RATE_RATIO * bare.invokes / bare.wall_s)
    return Pair(bare=bare, saturated=saturated, paced=paced)


def _find_model(args: argparse.Namespace) -> Path:
    model: Path = (args.model or bundled.model_path()).absolute()
    if not model.is_file():
        raise EdgedError(f"--model: no such file: {model}")
    return model


def _find_runtime() -> str:
    """Return the name of the first runtime that is installed."""
    for name, module in _RUNTIME_MODULES.items():
        if _is_installed(module):
            return name
    raise EdgedError("no runtime is installed: pip install 'edged[litert]'")


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module.partition(".")[0]) is not None


def _parse_size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    try:
        return _WIDTH(width), _HEIGHT(height)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"expected WxH from 64x64 to 7680x4320, as 1280x720, got {text!r}"
        ) from None
