"""``edged demo``: run camera, model, broker and subscriber on this machine."""

import argparse
from pathlib import Path
from typing import Any

from edged.clock import SystemClock
from edged.errors import EdgedError
from edged.terminal.numbers import number_in_range

EXIT_DEMO_FAILED = 1


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="camera to MQTT on this machine: a synthetic camera, the bundled model, a broker on loopback",
        description="Shows the messages that a subscriber receives. The demo's broker speaks MQTT 3.1.1.",
    )
    parser.add_argument(
        "--seconds",
        type=number_in_range(min_value=0),
        default=0.0,
        metavar="N",
        help="stop after N seconds, with exit code 0 only if start and end events arrived; 0: run until Ctrl-C",
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="show a model update that is committed and one that is rolled back; exit code 0 only if both happen",
    )
    parser.add_argument(
        "--svg", type=Path, metavar="FILE", help="also write the screen to an SVG picture"
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo; return 0 if everything that it shows happened.

    Raises:
        EdgedError: a library is missing, or the broker or the daemon does not start.
    """
    try:
        import amqtt  # noqa: F401 - reports a missing library before anything starts
        import rich  # noqa: F401 - as above
    except ImportError as error:
        raise EdgedError(f"the demo needs {error.name}: pip install 'edged[demo]'") from None
    return _run_updates(args.svg) if args.update else _run_events(args.seconds, args.svg)


def _run_events(seconds: float, picture: Path | None) -> int:
    from edged.demo.demo import run_demo
    from edged.demo.view import make_view

    print("edged demo: synthetic camera, bundled model, MQTT broker on loopback; Ctrl-C stops it")
    state = run_demo(seconds=seconds, view=make_view(picture=picture), clock=SystemClock())
    print(state.format_summary())
    if seconds and state.missing_event_types:
        print(f"the demo failed: no {' and no '.join(state.missing_event_types)} event arrived")
        return EXIT_DEMO_FAILED
    return 0


def _run_updates(picture: Path | None) -> int:
    from edged.demo.demo import run_update_demo
    from edged.demo.view import make_view

    print("edged demo: two model updates on a running device; Ctrl-C stops it")
    scenario = run_update_demo(view=make_view(picture=picture), clock=SystemClock())
    for result in scenario.results:
        reason = f": {result.reason}" if result.reason else ""
        print(f"{result.title} {result.outcome.replace('-', ' ')}{reason}")
    if not scenario.has_succeeded:
        print("the demo failed: expected one update committed and then one rolled back")
        return EXIT_DEMO_FAILED
    return 0
