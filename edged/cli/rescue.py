"""``edged rescue``: fall back to an older model when the daemon keeps failing."""

import argparse
import sys
from typing import Any

import msgspec

from edged.checks.systemd_unit import has_exec_failure, is_crash_looping, query_unit
from edged.cli.config_option import add_config_option
from edged.config.load import load_config
from edged.updates.rules.ledger import EndCause
from edged.updates.rules.rollback import DEFAULT_REASONS
from edged.updates.service.model_control import now
from edged.updates.service.rescue import RescueResult, rescue

EXIT_NO_FALLBACK = 3
EXIT_EXEC_FAILURE = 4


_DESCRIPTION = (
    "Falls back one step: cancels the deployment in progress; without one, rolls back from the current model to the previous one, or to the"
    " factory model if the previous one cannot be used. The device does not install the model again by itself. A damaged model store is"
    " quarantined. The daemon must not run."
)
_EXIT_CODES_HELP = (
    "Exit codes: 0 done, or nothing to do because the daemon did not fail by itself; 1 failed; 2 usage error;"
    " 3 no fallback: the factory model, or the model that model.path is set to, is in use;"
    " 4 systemd could not execute the daemon, so the model is not the cause."
)


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "rescue",
        help="fall back one model, finally to the factory model; only while no daemon runs",
        description=_DESCRIPTION,
        epilog=_EXIT_CODES_HELP,
    )
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--reason",
        default=DEFAULT_REASONS[EndCause.CRASH_LOOP],
        metavar="TEXT",
        help="reason to record; default: %(default)s",
    )
    parser.add_argument(
        "--after-failure-of",
        metavar="UNIT",
        help="fall back only if systemd reports that this service failed repeatedly by itself",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Fall back one step, unless the model is not the cause, and print the result.

    Raises:
        ConfigError: the configuration cannot be used.
        StoreError: a daemon runs, or the disk cannot be written.
    """
    settings = load_config(args.config).settings
    if args.after_failure_of:
        code, reason = _reason_to_skip(args.after_failure_of)
        if reason is not None:
            return _print_result(
                args, RescueResult(changed=False, active_model="", reason=reason), code
            )
    result = rescue(settings, args.reason, now=now)
    return _print_result(args, result, 0 if result.changed else EXIT_NO_FALLBACK)


def _reason_to_skip(unit: str) -> tuple[int, str | None]:
    """Return an exit code, and why the model is not the cause of the failure; None if it may be."""
    state = query_unit(unit)
    if state is None:
        print(f"systemd does not report {unit}: its model is assumed bad", file=sys.stderr)
    if has_exec_failure(state):
        return EXIT_EXEC_FAILURE, f"systemd could not execute {unit}: see journalctl -u {unit}"
    if not is_crash_looping(state):
        return 0, f"{unit} did not fail by itself: it was restarted too often, or its cameras ended"
    return 0, None


def _print_result(args: argparse.Namespace, result: RescueResult, code: int) -> int:
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
        return code
    if result.quarantine_path:
        print(
            f"the model store could not be opened: moved to {result.quarantine_path}",
            file=sys.stderr,
        )
    if result.changed:
        replaced = f"{result.replaced_model} rolled back; " if result.replaced_model else ""
        print(f"{replaced}the daemon will run {result.active_model}")
    else:
        print(f"nothing changed: {result.reason}")
    return code
