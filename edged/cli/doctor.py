"""``edged doctor``: is everything well with this device, and if not, what to do."""

import argparse
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from edged.checks.doctor.finding import Finding, fail, ok, worst
from edged.checks.doctor.visit import LIMIT_S, look_at_host, visit
from edged.cli.config_option import add_config_option
from edged.cli.numbers import number
from edged.clock import SystemClock
from edged.config.inputs import unreadable_inputs
from edged.config.load import load
from edged.config.problems import InvalidConfigError, Problem
from edged.errors import EdgedError
from edged.host.board import Board
from edged.host.ownership import become_owner
from edged.host.paths import state_dir

_MOST_PROBLEMS = 3


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="look over this device: cameras, model, accelerator, power, clock, disk, broker, service",
        description="Looks at every part, and says of each that it is well, or what to do. While the daemon runs it is asked; else each "
        "part is used once. Exits with 1 if anything fails; a warning is no failure.",
    )
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--limit",
        type=number(least=1),
        default=LIMIT_S,
        metavar="S",
        help="wait no longer than so many seconds for any part; default: %(default)g",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Look, and print a line for each part."""
    logging.getLogger("edged").addHandler(logging.NullHandler())  # a finding says it all
    findings = []
    for finding in examine(args.config, args.limit):
        findings.append(finding)
        if not args.json:
            print(_line(finding), flush=True)
    verdict = worst(findings)
    if args.json:
        answer = {"verdict": verdict, "board": Board().model(), "findings": findings}
        print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    return 1 if verdict == "fail" else 0


def examine(config: Path, limit_s: float = LIMIT_S) -> Iterable[Finding]:
    """Everything that can be looked at with this configuration, or without it if it cannot be used."""
    clock = SystemClock()
    try:
        loaded = load(config)
        become_owner(state_dir(loaded.settings))
    except InvalidConfigError as error:
        yield _problems(error.problems)
        yield from look_at_host(clock)
        return
    except EdgedError as error:
        yield fail("config", str(error))
        yield from look_at_host(clock)
        return
    problems = loaded.layers.problems(unreadable_inputs(loaded.settings))
    yield _problems(problems) if problems else ok("config", ", ".join(map(str, loaded.files)))
    yield from visit(loaded.settings, clock=clock, limit_s=limit_s)


def _problems(problems: tuple[Problem, ...]) -> Finding:
    first = "; ".join(map(str, problems[:_MOST_PROBLEMS]))
    more = len(problems) - _MOST_PROBLEMS
    return fail("config", f"{first}; and {more} more" if more > 0 else first, "edged check")


def _line(finding: Finding) -> str:
    advice = f"\n{'':21}-> {finding.advice}" if finding.advice else ""
    return f"{finding.verdict:<5}{finding.part:<16}{finding.says}{advice}"
