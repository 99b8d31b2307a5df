"""``edged demo``: the main job on this machine, with nothing to set up."""

import argparse
from types import ModuleType
from typing import Any

from edged.cli.numbers import number_in_range
from edged.clock import SystemClock
from edged.errors import EdgedError

EXIT_DEMO_FAILED = 1


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "demo",
        help="camera to MQTT on this machine: a synthetic camera, the bundled model, a broker on loopback",
        description="Shows what a subscriber receives. The broker of the demo speaks MQTT 3.1.1.",
    )
    parser.add_argument(
        "--seconds",
        type=number_in_range(min_value=0),
        default=0.0,
        metavar="N",
        help="end after so long, with exit code 0 only if start and end events arrived; 0: until Ctrl-C",
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="show a model update that is kept, and one that the device sends back; exit code 0 only if both happened",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Run it."""
    try:
        import amqtt  # noqa: F401 - only asked for
        import rich  # noqa: F401 - only asked for
    except ImportError as error:
        raise EdgedError(f"the demo needs {error.name}: pip install 'edged[demo]'") from None
    from edged.demo import demo
    from edged.demo.view import make_view

    if args.update:
        return _run_updates(demo, make_view())
    print("edged demo: synthetic camera, bundled model, MQTT broker on loopback; Ctrl-C ends it")
    tally = demo.run(seconds=args.seconds, view=make_view(), clock=SystemClock())
    print(tally.format_summary())
    if args.seconds and tally.missing_event_types:
        print(f"the demo failed: no {' and no '.join(tally.missing_event_types)} event arrived")
        return EXIT_DEMO_FAILED
    return 0


def _run_updates(demo: ModuleType, view: Any) -> int:
    print("edged demo: two model updates on a running device; Ctrl-C ends it")
    show = demo.run_updates(view=view, clock=SystemClock())
    for past in show.outcomes:
        reason = f": {past.reason}" if past.reason else ""
        print(f"{past.title} {past.outcome.replace('-', ' ')}{reason}")
    if not show.has_succeeded:
        print("the demo failed: the one was to be committed, and the other rolled back")
        return EXIT_DEMO_FAILED
    return 0
