"""Waiting for the outcome of a deployment, for ``edged model``."""

import sys
import time

from edged.cli.progress import ProgressBar
from edged.clock import Deadline, SystemClock
from edged.errors import UpdateError
from edged.updates.rules.ledger import DeploymentRecord
from edged.updates.service.control_messages import ControlResponse, ModelStatus, StatusRequest
from edged.updates.service.model_control import ModelControl

_POLL_S = 0.25
_RESTART_TIMEOUT_S = 30.0


def wait_for_outcome(
    control: ModelControl, id_: str, timeout_s: float
) -> tuple[ControlResponse, DeploymentRecord | None]:
    """Poll the status, with a progress bar, until a deployment ends.

    Args:
        control: the daemon or the store.
        id_: ID of the deployment.
        timeout_s: time limit in seconds; 0: none.

    Returns:
        The latest status, and the record of the deployment. The record is None on timeout, or if no daemon runs that could
        continue the deployment.

    Raises:
        UpdateError: there is no such deployment, or the daemon stopped answering.
    """
    deadline = Deadline(SystemClock(), timeout_s) if timeout_s else None
    with ProgressBar(sys.stderr) as bar:
        while True:
            response = _query_status(control, deadline)
            record = find_record(response.status, id_)
            if record is not None:
                return response, record
            _show_progress(bar, response.status, id_)
            if (deadline and deadline.expired) or not response.status.daemon:
                return response, None
            time.sleep(_POLL_S)


def find_record(status: ModelStatus, id_: str) -> DeploymentRecord | None:
    """Return the latest record of a deployment that has ended, or None."""
    return next((record for record in reversed(status.past) if record.id == id_), None)


def find_deployment_id(status: ModelStatus) -> str:
    """Return the ID of the deployment in progress, otherwise of the latest one.

    Raises:
        UpdateError: the device has no record of any deployment.
    """
    if status.deployment:
        return status.deployment.id
    if status.past:
        return status.past[-1].id
    raise UpdateError("no deployment on record; `edged model install` starts one")


def _show_progress(bar: ProgressBar, status: ModelStatus, id_: str) -> None:
    deployment = status.deployment
    if deployment is None or deployment.id != id_:
        raise UpdateError(f"no deployment {id_} on record; `edged model status` shows the latest")
    state = deployment.blocked_reason or deployment.state
    bar.show(f"{deployment.display_name}: {state}", status.progress)


def _query_status(control: ModelControl, deadline: Deadline | None) -> ControlResponse:
    """Query the status; retry for a while, because the daemon may be restarting."""
    restart_deadline = Deadline(SystemClock(), _RESTART_TIMEOUT_S)
    while True:
        try:
            return control.execute(StatusRequest())
        except UpdateError:
            if restart_deadline.expired or (deadline and deadline.expired):
                raise
            time.sleep(_POLL_S)
