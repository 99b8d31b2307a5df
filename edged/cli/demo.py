"""``edged demo``: the main job on this machine, with nothing to set up."""

import argparse
from typing import Any

from edged.cli.numbers import number
from edged.clock import SystemClock
from edged.errors import EdgedError

EXIT_NOTHING_CAME = 1


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "demo",
        help="camera to MQTT on this machine: a synthetic camera, the bundled model, a broker on loopback",
        description="Shows what a subscriber receives. The broker of the demo speaks MQTT 3.1.1.",
    )
    parser.add_argument(
        "--seconds",
        type=number(least=0),
        default=0.0,
        metavar="N",
        help="end after so long, with exit code 0 only if start and end events arrived; 0: until Ctrl-C",
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
    from edged.demo.view import choose

    print("edged demo: synthetic camera, bundled model, MQTT broker on loopback; Ctrl-C ends it")
    tally = demo.run(seconds=args.seconds, view=choose(), clock=SystemClock())
    print(tally.summary())
    if args.seconds and tally.missing:
        print(f"the demo failed: no {' and no '.join(tally.missing)} event arrived")
        return EXIT_NOTHING_CAME
    return 0
