"""``edged bench``: the daemon against the bare interpreter, on this machine."""

import argparse
import importlib.util
import platform
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from edged import bundled
from edged.cli.numbers import integer_in_range, number_in_range
from edged.clock import SystemClock
from edged.errors import EdgedError
from edged.host.board import Board

_RUNTIME_MODULES = {"litert": "ai_edge_litert.interpreter", "tflite": "tflite_runtime.interpreter"}
_WIDTH, _HEIGHT = (
    integer_in_range(min_value=64, max_value=7680),
    integer_in_range(min_value=64, max_value=4320),
)
_PACED_RATE_RATIO = 0.5
"""The camera of the latency runs delivers at this share of the bare invoke rate."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "bench",
        help="measure the daemon against the bare interpreter on this machine",
        description="Runs the bare interpreter and the whole daemon with a broker and a subscriber, by turns.",
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="default: the bundled model")
    parser.add_argument(
        "--size",
        type=_parse_size,
        default=(1280, 720),
        metavar="WxH",
        help="of the frames; default: 1280x720",
    )
    parser.add_argument(
        "--pairs",
        type=integer_in_range(min_value=1, max_value=1000),
        default=5,
        metavar="N",
        help="default: 5",
    )
    parser.add_argument(
        "--seconds",
        type=number_in_range(min_value=0, exclude_min=True, max_value=3600),
        default=3.0,
        metavar="S",
        help="of each run; default: 3",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Run it."""
    from edged.bench.results import Pair, compute_result, format_table
    from edged.bench.runs import Benchmark
    from edged.demo.broker import HOST, LoopbackBroker, fastest_broker_command

    model = (args.model or bundled.model_path()).absolute()
    if not model.is_file():
        raise EdgedError(f"no such model: {model}")
    runtime = next((r for r, module in _RUNTIME_MODULES.items() if _is_installed(module)), None)
    if runtime is None:
        raise EdgedError("no runtime is installed: pip install 'edged[litert]'")
    width, height = args.size
    clock = SystemClock()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edged-bench-")))
        broker = LoopbackBroker(clock, fastest_broker_command)
        stack.callback(broker.stop)
        broker.await_ready()
        bench = Benchmark(
            model=model,
            runtime=runtime,
            module=_RUNTIME_MODULES[runtime],
            width=width,
            height=height,
            seconds=args.seconds,
            host=HOST,
            port=broker.port,
            folder=folder,
            clock=clock,
        )
        pairs = []
        for number in range(1, args.pairs + 1):
            print(f"pair {number} of {args.pairs} ...", end="\r", file=sys.stderr, flush=True)
            bare = bench.run_bare()
            saturated = bench.run_saturated()
            paced = bench.run_paced(_PACED_RATE_RATIO * bare.invokes / bare.wall_s)
            pairs.append(Pair(bare=bare, saturated=saturated, paced=paced))
    result = compute_result(
        pairs,
        machine=f"{Board().read_model()}, {platform.platform()}, Python {platform.python_version()}",
        model=model.name,
        runtime=runtime,
        frame=f"{width}x{height}",
    )
    print(msgspec.json.encode(result).decode() if args.json else format_table(result))
    return 0


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module.partition(".")[0]) is not None


def _parse_size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    try:
        return _WIDTH(width), _HEIGHT(height)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not like 1280x720, from 64x64 to 7680x4320"
        ) from None
