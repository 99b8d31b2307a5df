"""``edged doctor``: check this device, and report what to do."""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from edged.checks.doctor.device import TIMEOUT_S, check_device, check_host
from edged.checks.doctor.finding import Finding, FindingStatus, fail, ok, worst_status
from edged.cli.config_option import add_config_option
from edged.clock import SystemClock
from edged.config.input_files import check_input_files
from edged.config.load import load_config
from edged.config.problems import InvalidConfigError, Problem
from edged.errors import EdgedError
from edged.host.board import Board
from edged.host.ownership import become_owner
from edged.host.paths import state_dir
from edged.terminal.escape import one_line
from edged.terminal.numbers import number_in_range

_MAX_PROBLEMS_SHOWN = 3


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="check this device: service, power, clock, disk, accelerator, model, cameras, broker",
        description="Checks every part and reports its status, and what to do. While the daemon runs, its own reports on its parts are used; "
        "otherwise each part is used once. Exits with 1 if a part fails; warnings do not count.",
    )
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--timeout",
        type=number_in_range(min_value=1),
        default=TIMEOUT_S,
        metavar="S",
        help="time limit of all checks together, in seconds; default: %(default)g",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Check the device and print one line for each part; return 1 if one fails."""
    logging.getLogger("edged").addHandler(logging.NullHandler())  # the findings report the errors
    findings = []
    for finding in diagnose(args.config, args.timeout):
        findings.append(finding)
        if not args.json:
            print(_format_finding(finding), flush=True)
    status = worst_status(findings)
    if args.json:
        answer = {"status": status, "board": Board().read_model(), "findings": findings}
        print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    return 1 if status is FindingStatus.FAIL else 0


def diagnose(config: Path, timeout_s: float = TIMEOUT_S) -> Iterator[Finding]:
    """Check the configuration and everything that it names; only the host if the configuration is invalid.

    Args:
        config: the main file of the configuration.
        timeout_s: time limit of all checks together, in seconds.
    """
    clock = SystemClock()
    try:
        loaded = load_config(config)
        become_owner(state_dir(loaded.settings))
    except EdgedError as error:
        problems = error.problems if isinstance(error, InvalidConfigError) else ()
        yield _config_finding(problems) if problems else fail("config", str(error))
        yield from check_host(clock, timeout_s)
        return
    problems = loaded.layers.locate_problems(check_input_files(loaded.settings))
    yield _config_finding(problems) if problems else ok("config", ", ".join(map(str, loaded.files)))
    yield from check_device(loaded.settings, clock=clock, timeout_s=timeout_s)


def _config_finding(problems: tuple[Problem, ...]) -> Finding:
    shown = "; ".join(map(str, problems[:_MAX_PROBLEMS_SHOWN]))
    hidden = len(problems) - _MAX_PROBLEMS_SHOWN
    message = f"{shown}; and {hidden} more" if hidden > 0 else shown
    return fail("config", message, "run `edged check` for the full list")


def _format_finding(finding: Finding) -> str:
    advice = f"\n{'':21}-> {one_line(finding.advice)}" if finding.advice else ""
    return one_line(f"{finding.status:<5}{finding.part:<16}{finding.message}") + advice
