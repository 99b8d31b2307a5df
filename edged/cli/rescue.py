"""``edged rescue``: an older model, for a daemon that does not stay up with the present one."""

import argparse
import sys
from typing import Any

import msgspec

from edged.checks import systemd_unit as service
from edged.cli.config_option import add_config_option
from edged.config.load import load_config
from edged.updates.service.model_control import now
from edged.updates.service.rescue import RescueResult, rescue

EXIT_NO_FALLBACK = 3
EXIT_EXEC_FAILURE = 4
_REASON = "the daemon did not stay up with it"


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "rescue",
        help="while no daemon runs: go one step back, at last to the factory model",
        description="One step back: what is on trial or on its way in gives way; else the current model gives way to the previous one, "
        "or, if that cannot be used, to the factory model, and is not taken again. No daemon may run. A damaged store is set aside.",
        epilog="Exit codes: 0 done, or nothing to do because the daemon did not fail by itself; 1 could not; 2 usage; "
        "3 nothing can give way: the factory model, or the one that model.path names, is in use; "
        "4 systemd could not even execute the daemon, so that no model is to blame.",
    )
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--reason", default=_REASON, metavar="TEXT", help="default: %(default)s")
    parser.add_argument(
        "--after-failure-of",
        default="",
        metavar="UNIT",
        help="only if systemd says that this service has failed time and again by itself",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Take one step back, and say so."""
    settings = load_config(args.config).settings
    if args.after_failure_of:
        code, excuse = _reason_to_skip(args.after_failure_of)
        if excuse:
            return _print_result(
                args, RescueResult(changed=False, active_model="", reason=excuse), code
            )
    rescued = rescue(settings, args.reason, now=now)
    return _print_result(args, rescued, 0 if rescued.changed else EXIT_NO_FALLBACK)


def _reason_to_skip(unit: str) -> tuple[int, str]:
    """Why its model is not to blame, and the exit code for that; "" if it may be."""
    state = service.query_unit(unit)
    if state is None:
        print(f"systemd does not tell how {unit} is: its model is taken for bad", file=sys.stderr)
    if service.has_exec_failure(state):
        return EXIT_EXEC_FAILURE, f"systemd could not execute {unit}: journalctl -u {unit} says why"
    if not service.is_crash_looping(state):
        why = f"{unit} did not fail by itself: it was restarted too often, or has come to its end"
        return 0, why
    return 0, ""


def _print_result(args: argparse.Namespace, result: RescueResult, code: int) -> int:
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
        return code
    if result.quarantine_path:
        print(
            f"the model store could not be opened, and lies in {result.quarantine_path} now",
            file=sys.stderr,
        )
    if result.changed:
        gone = f"{result.replaced_model} gives way; " if result.replaced_model else ""
        print(f"{gone}the daemon will look with {result.active_model}")
    else:
        print(f"nothing is changed: {result.reason}")
    return code
