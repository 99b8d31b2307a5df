"""``edged model``: the models of this device: what there is, what is on its way in, and what is to be."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from edged.cli.config_option import add_config_option
from edged.cli.numbers import number_in_range
from edged.cli.progress import ProgressBar
from edged.cli.verbs import add_verb, print_result
from edged.clock import Deadline, SystemClock
from edged.config.load import load_config
from edged.errors import UpdateError
from edged.updates.rules.ledger import DeploymentRecord, DeploymentRequest
from edged.updates.service.control_messages import (
    CollectGarbageRequest,
    CommitRequest,
    ControlResponse,
    InstallRequest,
    ModelStatus,
    RollbackRequest,
    StatusRequest,
)
from edged.updates.service.model_control import ModelControl, connect

EXIT_ROLLED_BACK = 3
EXIT_REJECTED = 4
EXIT_PENDING = 5
_EXIT_CODE_BY_OUTCOME = {"committed": 0, "rolled-back": EXIT_ROLLED_BACK, "rejected": EXIT_REJECTED}
_POLL_S = 0.25
_RESTART_TIMEOUT_S = 30.0
_EXIT_CODES_HELP = (
    "Exit codes: 0 done, or begun; 1 could not; 2 usage; of what was waited for: 3 rolled back, 4 rejected, 5 not over: the time"
    " is up, something hinders it, or no daemon runs that could try it out."
)


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "model",
        help="the models of this device: list, install, wait for a trial, roll back",
        description="Shows and changes which model this device runs, with a running daemon or without one.",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    _add(verbs, "status", _status, "what runs, and what is on its way in")
    _add(verbs, "list", _list, "the models on this device")
    install = _add(verbs, "install", _install, "take a bundle (.edgem) from a file or a URL")
    install.add_argument("source", metavar="FILE|URL")
    install.add_argument(
        "--digest", default="", metavar="SHA256", help="it must be exactly this version"
    )
    install.add_argument(
        "--force", action="store_true", help="take it though it failed here before"
    )
    install.add_argument(
        "--downgrade", action="store_true", help="take it though a later version was installed here"
    )
    install.add_argument("--wait", action="store_true", help="wait for the end of its trial")
    _add_timeout(install)
    wait = _add(verbs, "wait", _wait, "wait until what is on its way in is committed or is not")
    wait.add_argument(
        "id", nargs="?", default="", metavar="ID", help="of the deployment; the latest if not given"
    )
    _add_timeout(wait)
    _add(verbs, "commit", _commit, "end the trial now and keep the model")
    rollback = _add(
        verbs,
        "rollback",
        _rollback,
        "call off what is on its way in, or go back to the previous model",
    )
    rollback.add_argument("--reason", default="", metavar="TEXT")
    _add(verbs, "gc", _gc, "remove what is not needed any more")


def _add(
    verbs: Any, name: str, func: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    parser = add_verb(verbs, name, func, summary)
    parser.epilog = _EXIT_CODES_HELP
    add_config_option(parser)
    return parser


def _add_timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        type=number_in_range(min_value=0),
        default=0.0,
        metavar="S",
        help="wait no longer than so many seconds; 0: as long as it takes",
    )


def _status(args: argparse.Namespace) -> int:
    return _print_response(_send_request(args, StatusRequest()), args, _describe_status)


def _list(args: argparse.Namespace) -> int:
    return _print_response(_send_request(args, StatusRequest()), args, _format_versions)


def _commit(args: argparse.Namespace) -> int:
    return _print_response(_send_request(args, CommitRequest()), args, _describe_ended)


def _rollback(args: argparse.Namespace) -> int:
    return _print_response(
        _send_request(args, RollbackRequest(reason=args.reason)), args, _describe_ended
    )


def _gc(args: argparse.Namespace) -> int:
    def words(answer: ControlResponse) -> str:
        return "\n".join(f"removed {digest}" for digest in answer.removed) or "nothing to remove"

    return _print_response(_send_request(args, CollectGarbageRequest()), args, words)


def _install(args: argparse.Namespace) -> int:
    source = args.source if "://" in args.source else str(Path(args.source).absolute())
    request = DeploymentRequest(
        source=source, expected=args.digest, force=args.force, downgrade=args.downgrade
    )
    with _connect(args) as control:
        answer = control.execute(InstallRequest(request=request))
        if not answer.error and args.wait and answer.status.daemon:
            return _wait_for_outcome(control, answer.id, args)
    past = _find_past(answer.status, answer.id)
    if past is not None and not answer.error:
        return _print_outcome(answer, past, args)
    code = _print_response(answer, args, _describe_started)
    stuck = answer.status.deployment is not None and answer.status.deployment.blocked_reason
    return EXIT_PENDING if not code and (stuck or args.wait) else code


def _wait(args: argparse.Namespace) -> int:
    with _connect(args) as control:
        status = control.execute(StatusRequest()).status
        deployment = status.deployment
        id_ = args.id or (deployment.id if deployment else "")
        if not id_ and status.past:
            id_ = status.past[-1].id
        if not id_:
            raise UpdateError("no update was ever on its way in here")
        return _wait_for_outcome(control, id_, args)


def _wait_for_outcome(control: ModelControl, id_: str, args: argparse.Namespace) -> int:
    """Watch a deployment to its end."""
    deadline = Deadline(SystemClock(), args.timeout) if args.timeout else None
    with ProgressBar(sys.stderr) as bar:
        while True:
            answer = _query_status_with_retries(control, deadline)
            past = _find_past(answer.status, id_)
            if past is not None:
                return _print_outcome(answer, past, args)
            deployment = answer.status.deployment
            if deployment is None or deployment.id != id_:
                raise UpdateError(f"there is no deployment {id_} here")
            bar.show(
                f"{deployment.display_name}: {deployment.blocked_reason or deployment.state}",
                answer.status.progress,
            )
            if (deadline and deadline.expired) or not answer.status.daemon:
                _print_response(answer, args, _describe_status)
                return EXIT_PENDING
            time.sleep(_POLL_S)


def _query_status_with_retries(control: ModelControl, deadline: Deadline | None) -> ControlResponse:
    """A daemon may be started anew while somebody waits."""
    restart = Deadline(SystemClock(), _RESTART_TIMEOUT_S)
    while True:
        try:
            return control.execute(StatusRequest())
        except UpdateError:
            if restart.expired or (deadline and deadline.expired):
                raise
            time.sleep(_POLL_S)


def _print_outcome(
    response: ControlResponse, past: DeploymentRecord, args: argparse.Namespace
) -> int:
    _print_response(replace(response, id=past.id), args, lambda _: _format_past(past))
    return _EXIT_CODE_BY_OUTCOME[past.outcome]


def _find_past(status: ModelStatus, id_: str) -> DeploymentRecord | None:
    return next((past for past in reversed(status.past) if past.id == id_), None)


def _connect(args: argparse.Namespace) -> ModelControl:
    bar = ProgressBar(sys.stderr)
    return connect(load_config(args.config).settings, on_progress=bar.show)


def _send_request(
    args: argparse.Namespace,
    request: StatusRequest | CommitRequest | RollbackRequest | CollectGarbageRequest,
) -> ControlResponse:
    with _connect(args) as control:
        return control.execute(request)


def _print_response(
    response: ControlResponse, args: argparse.Namespace, describe: Callable[[ControlResponse], str]
) -> int:
    """Print the answer; 1 if what was asked was not done."""
    if args.json or not response.error:
        print_result(args, response, "" if args.json else describe(response))
    if response.error:
        raise UpdateError(response.error)
    return 0


def _describe_started(response: ControlResponse) -> str:
    deployment = response.status.deployment
    if deployment is None:
        return "done"
    if response.status.daemon:
        return f"{deployment.id}: under way; `edged model wait {deployment.id}` waits for its end"
    if deployment.blocked_reason:
        return (
            f"{deployment.id}: {deployment.blocked_reason}; the daemon goes on with it when it runs"
        )
    return f"{deployment.id}: {deployment.title} is {deployment.state}; its trial begins when the daemon runs"


def _describe_ended(response: ControlResponse) -> str:
    return _format_past(response.status.past[-1]) if response.status.past else "done"


def _describe_status(response: ControlResponse) -> str:
    status = response.status
    running = status.versions[0] if status.versions else None
    rows = [
        ("daemon", "runs" if status.daemon else "does not run: nothing is tried out"),
        ("model", running.title if running else ""),
        ("looks", status.active_model or "no model"),
    ]
    if status.pinned:
        rows.append(("pinned", f"model.path names {status.pinned}: no updates"))
    if status.deployment:
        on_its_way = status.deployment
        state = f"{on_its_way.state} {status.progress:.0%}"
        rows.append(("on its way", f"{on_its_way.display_name}: {state}"))
        if on_its_way.blocked_reason:
            rows.append(("waits", on_its_way.blocked_reason))
    rows += [("before", _format_past(past)) for past in status.past[-3:][::-1]]
    return "\n".join(f"{key:<12} {value}" for key, value in rows)


def _format_versions(response: ControlResponse) -> str:
    rows = [("ROLE", "MODEL", "COUNTER", "EPOCH", "SIZE", "DIGEST")]
    rows += [
        (
            one.role,
            one.title if not one.damage else f"damaged: {one.damage}",
            str(one.counter),
            str(one.epoch),
            f"{one.size_bytes / 1e6:.1f} MB",
            one.digest[:12] or "-",
        )
        for one in response.status.versions
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _format_past(past: DeploymentRecord) -> str:
    reason = f": {past.reason}" if past.reason else ""
    return f"{past.title or past.source} {past.outcome.replace('-', ' ')}{reason} ({past.time})"
