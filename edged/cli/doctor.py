"""``edged doctor``: is everything well with this device, and if not, what to do."""

import argparse
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from edged.checks.doctor.finding import Finding, fail, ok, worst_status
from edged.checks.doctor.runner import TIMEOUT_S, check_device, check_host
from edged.cli.config_option import add_config_option
from edged.cli.numbers import number_in_range
from edged.clock import SystemClock
from edged.config.input_files import check_input_files
from edged.config.load import load_config
from edged.config.problems import InvalidConfigError, Problem
from edged.errors import EdgedError
from edged.host.board import Board
from edged.host.ownership import become_owner
from edged.host.paths import state_dir

_MAX_PROBLEMS_SHOWN = 3


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
        type=number_in_range(min_value=1),
        default=TIMEOUT_S,
        metavar="S",
        help="wait no longer than so many seconds for any part; default: %(default)g",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Look, and print a line for each part."""
    logging.getLogger("edged").addHandler(logging.NullHandler())  # a finding says it all
    findings = []
    for finding in diagnose(args.config, args.limit):
        findings.append(finding)
        if not args.json:
            print(_format_finding(finding), flush=True)
    verdict = worst_status(findings)
    if args.json:
        answer = {"status": verdict, "board": Board().read_model(), "findings": findings}
        print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    return 1 if verdict == "fail" else 0


def diagnose(config: Path, timeout_s: float = TIMEOUT_S) -> Iterable[Finding]:
    """Everything that can be looked at with this configuration, or without it if it cannot be used."""
    clock = SystemClock()
    try:
        loaded = load_config(config)
        become_owner(state_dir(loaded.settings))
    except InvalidConfigError as error:
        yield _config_finding(error.problems)
        yield from check_host(clock)
        return
    except EdgedError as error:
        yield fail("config", str(error))
        yield from check_host(clock)
        return
    problems = loaded.layers.locate_problems(check_input_files(loaded.settings))
    yield _config_finding(problems) if problems else ok("config", ", ".join(map(str, loaded.files)))
    yield from check_device(loaded.settings, clock=clock, timeout_s=timeout_s)


def _config_finding(problems: tuple[Problem, ...]) -> Finding:
    first = "; ".join(map(str, problems[:_MAX_PROBLEMS_SHOWN]))
    more = len(problems) - _MAX_PROBLEMS_SHOWN
    return fail("config", f"{first}; and {more} more" if more > 0 else first, "edged check")


def _format_finding(finding: Finding) -> str:
    advice = f"\n{'':21}-> {finding.advice}" if finding.advice else ""
    return f"{finding.status:<5}{finding.part:<16}{finding.message}{advice}"
