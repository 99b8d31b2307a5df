"""``edged model``: show and change the models of this device."""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from edged.cli import model_catalogue, model_fetch, model_personalise
from edged.cli.config_option import add_config_option
from edged.cli.model_output import (
    format_latest_outcome,
    format_outcome,
    format_removed,
    format_started,
    format_status,
    format_versions,
)
from edged.cli.model_wait import find_deployment_id, find_record, wait_for_outcome
from edged.cli.progress import ProgressBar
from edged.cli.verbs import add_verb, print_result
from edged.config.load import load_config
from edged.config.settings import Settings
from edged.errors import UpdateError
from edged.terminal.numbers import number_in_range
from edged.updates.rules.ledger import DeploymentRecord, DeploymentRequest
from edged.updates.rules.rollback import clean_text
from edged.updates.rules.source import is_url
from edged.updates.service.control_messages import (
    CollectGarbageRequest,
    CommitRequest,
    ControlRequest,
    ControlResponse,
    InstallRequest,
    RollbackRequest,
    StatusRequest,
)
from edged.updates.service.local_file import check_local_file
from edged.updates.service.model_control import ModelControl, connect
from edged.updates.service.repository import check_updates_allowed

EXIT_ROLLED_BACK = 3
EXIT_REJECTED = 4
EXIT_PENDING = 5
_DIGEST = re.compile("[0-9a-f]{64}")
_EXIT_CODE_BY_OUTCOME = {"committed": 0, "rolled-back": EXIT_ROLLED_BACK, "rejected": EXIT_REJECTED}
_EXIT_CODES_HELP = (
    "Exit codes: 0 done, or started; 1 failed; 2 usage error. Of a deployment with an outcome: 0 committed; 3 rolled back; 4 rejected."
    " 5 no outcome yet: the timeout passed, the deployment is blocked, or no daemon runs that could start the trial."
)


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "model",
        help="show, install, commit and roll back the models of this device",
        description="Shows and changes the models of this device. The daemon may run or not.",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    _add(verbs, "status", _status, "show the active model and the deployment in progress")
    _add(verbs, "list", _list, "list the models on this device")
    _add_install_verb(verbs)
    wait = _add(verbs, "wait", _wait, "wait until a deployment has an outcome")
    wait.add_argument(
        "id", nargs="?", metavar="ID", help="ID of the deployment; default: the latest"
    )
    _add_timeout(wait)
    _add(verbs, "commit", _commit, "commit the model now, before its trial ends")
    _add_rollback_verb(verbs)
    _add(verbs, "gc", _gc, "remove model files that are no longer needed")
    model_catalogue.add_parser(verbs)
    model_fetch.add_parser(verbs)
    model_personalise.add_parser(verbs)


def _add_install_verb(verbs: Any) -> None:
    install = _add(verbs, "install", _install, "install a bundle (.edgem) from a file or a URL")
    install.add_argument("source", type=_parse_source, metavar="FILE|URL", help="the bundle")
    install.add_argument(
        "--digest",
        type=_parse_digest,
        metavar="SHA256",
        help="reject any version but this one",
    )
    install.add_argument(
        "--force", action="store_true", help="install the version even if it failed here before"
    )
    install.add_argument(
        "--downgrade",
        action="store_true",
        help="install the version even if a newer one was installed here",
    )
    install.add_argument("--wait", action="store_true", help="wait for the outcome")
    _add_timeout(install)


def _add_rollback_verb(verbs: Any) -> None:
    summary = "cancel the deployment, or roll back to the previous model"
    rollback = _add(verbs, "rollback", _rollback, summary)
    rollback.add_argument(
        "--reason", type=clean_text, default="", metavar="TEXT", help="reason to record"
    )


def _parse_source(text: str) -> str:
    return text if is_url(text) else str(Path(text).absolute())


def _parse_digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected 64 characters 0-9 and a-f, got {text!r}")
    return text


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
        help="wait at most this many seconds; 0: no limit",
    )


def _status(args: argparse.Namespace) -> int:
    return _print_response(_send_request(args, StatusRequest()), args, format_status)


def _list(args: argparse.Namespace) -> int:
    return _print_response(_send_request(args, StatusRequest()), args, format_versions)


def _commit(args: argparse.Namespace) -> int:
    return _print_response(_send_request(args, CommitRequest()), args, format_latest_outcome)


def _rollback(args: argparse.Namespace) -> int:
    request = RollbackRequest(reason=args.reason)
    return _print_response(_send_request(args, request), args, format_latest_outcome)


def _gc(args: argparse.Namespace) -> int:
    return _print_response(_send_request(args, CollectGarbageRequest()), args, format_removed)


def _install(args: argparse.Namespace) -> int:
    request = DeploymentRequest(
        source=args.source, expected=args.digest or "", force=args.force, downgrade=args.downgrade
    )
    settings = load_config(args.config).settings
    with _connect(settings) as control:
        response = _begin_deployment(control, request, settings)
        if not response.error and args.wait and response.status.daemon:
            return _wait_and_print(control, response.id, args)
    record = find_record(response.status, response.id)
    if record is not None and not response.error:
        return _print_outcome(response, record, args)
    code = _print_response(response, args, format_started)
    deployment = response.status.deployment
    is_blocked = deployment is not None and bool(deployment.blocked_reason)
    return EXIT_PENDING if not code and (is_blocked or args.wait) else code


def _begin_deployment(
    control: ModelControl, request: DeploymentRequest, settings: Settings
) -> ControlResponse:
    """Request a deployment; if there is no such file, request none, because its failure would replace the last outcome."""
    try:
        check_updates_allowed(settings)
        check_local_file(request.source)
    except UpdateError as error:
        return replace(control.execute(StatusRequest()), error=str(error))
    return control.execute(InstallRequest(request=request))


def _wait(args: argparse.Namespace) -> int:
    with _connect(load_config(args.config).settings) as control:
        id_ = args.id or find_deployment_id(control.execute(StatusRequest()).status)
        return _wait_and_print(control, id_, args)


def _wait_and_print(control: ModelControl, id_: str, args: argparse.Namespace) -> int:
    response, record = wait_for_outcome(control, id_, args.timeout)
    if record is not None:
        return _print_outcome(response, record, args)
    _print_response(response, args, format_status)
    return EXIT_PENDING


def _print_outcome(
    response: ControlResponse, record: DeploymentRecord, args: argparse.Namespace
) -> int:
    _print_response(replace(response, id=record.id), args, lambda _: format_outcome(record))
    return _EXIT_CODE_BY_OUTCOME[record.outcome]


def _connect(settings: Settings) -> ModelControl:
    bar = ProgressBar(sys.stderr)
    return connect(settings, on_progress=bar.show)


def _send_request(args: argparse.Namespace, request: ControlRequest) -> ControlResponse:
    with _connect(load_config(args.config).settings) as control:
        return control.execute(request)


def _print_response(
    response: ControlResponse,
    args: argparse.Namespace,
    format_text: Callable[[ControlResponse], str],
) -> int:
    """Print a response; raise UpdateError if the request was refused."""
    if args.json or not response.error:
        print_result(args, response, "" if args.json else format_text(response))
    if response.error:
        args.json = False  # the response that was printed has the error
        raise UpdateError(response.error)
    return 0
