"""The work of the module `edged_model`: it installs a bundle on a device, or rolls a version back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.edged.fleet.plugins.module_utils import outcomes
from ansible_collections.edged.fleet.plugins.module_utils import status_fields as field
from ansible_collections.edged.fleet.plugins.module_utils.bundle import read_bundle
from ansible_collections.edged.fleet.plugins.module_utils.edged_command import EdgedCommand
from ansible_collections.edged.fleet.plugins.module_utils.model_result import (
    ModelChangeError,
    deployment_result,
    model_result,
    would_install,
)
from ansible_collections.edged.fleet.plugins.module_utils.model_status import (
    deployment_name,
    installed_digest,
    is_installing,
    past_deployment,
)


def install(edged: EdgedCommand, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Install the bundle on the device, unless it has that version, and return the module's result.

    Args:
        edged: the command on the device.
        params: the parameters of the module.
        check_mode: change nothing.

    Raises:
        BundleUnreadableError: if the digest must be read from the bundle, and cannot be.
        EdgedCommandError: if the command gives no response.
        ModelChangeError: if the version cannot be installed, or was not committed.
    """
    digest = requested_digest(params)
    before = edged.request("status")[field.STATUS]
    if past_deployment(before, params["deployment"]):
        return deployment_result(before, before, digest, deployment_id=params["deployment"])
    if installed_digest(before) == digest and not before[field.DEPLOYMENT]:
        return model_result(before, before, digest, outcome=outcomes.COMMITTED)
    check_preconditions(before, digest, params)
    if check_mode:
        return would_install(before, params["src"], digest)
    joined = is_installing(before, digest)
    response = (
        {field.ID: before[field.DEPLOYMENT][field.ID], field.STATUS: before}
        if joined
        else start_deployment(edged, params, digest)
    )
    if params["wait"]:
        timeout = f"{params['timeout']:g}"
        response = edged.request("wait", response[field.ID], "--timeout", timeout)
    return deployment_result(
        before,
        response[field.STATUS],
        digest,
        deployment_id=response[field.ID],
        started=not joined,
        waited=params["wait"],
    )


def requested_digest(params: dict[str, Any]) -> str:
    """Return the digest of the version to install.

    Raises:
        BundleUnreadableError: if the digest must be read from the bundle, and cannot be.
        ModelChangeError: if the source is a URL, and no digest is given.
    """
    if params["digest"]:
        return params["digest"].lower()
    if "://" in params["src"]:
        raise ModelChangeError("digest is required with a URL: it defines the version")
    return read_bundle(params["src"])["digest"]


def check_preconditions(status: dict[str, Any], digest: str, params: dict[str, Any]) -> None:
    """Check that the deployment can start, or is in progress.

    Args:
        status: the status of the device.
        digest: digest of the version to install.
        params: the parameters of the module.

    Raises:
        ModelChangeError: if it cannot; the message has the reason on the device.
    """
    deployment, denied = status[field.DEPLOYMENT], status[field.DENIED]
    if status[field.PINNED]:
        raise ModelChangeError(
            f"model.path is set to {status[field.PINNED]}: the device accepts no updates"
        )
    if deployment and not is_installing(status, digest):
        raise ModelChangeError(
            f"another deployment is in progress: {deployment_name(deployment)} ({deployment[field.STATE]}); "
            "wait until it ends, or roll it back"
        )
    if digest in denied and not params["force"] and not deployment:
        raise ModelChangeError(
            f"this version failed on this device before: {denied[digest]}; force: true installs it again",
            outcome=outcomes.REJECTED,
            reason=denied[digest],
            digest=digest,
        )


def start_deployment(edged: EdgedCommand, params: dict[str, Any], digest: str) -> dict[str, Any]:
    """Request the deployment, and return the response.

    Args:
        edged: the command on the device.
        params: the parameters of the module.
        digest: digest of the version to install.

    Raises:
        EdgedCommandError: if the command gives no response.
        ModelChangeError: if the device refuses the request.
    """
    flags = [f"--{name}" for name in ("force", "downgrade") if params[name]]
    response = edged.request("install", "--digest", digest, *flags, params["src"])
    if response[field.ERROR]:
        raise ModelChangeError(response[field.ERROR], digest=digest)
    return response


def roll_back(edged: EdgedCommand, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Roll the device back, unless it does not have the version, and return the module's result.

    Args:
        edged: the command on the device.
        params: the parameters of the module.
        check_mode: change nothing.

    Raises:
        EdgedCommandError: if the command gives no response.
        ModelChangeError: if the device refuses the request, or another deployment is in progress.
    """
    digest = (params["digest"] or "").lower()
    before = edged.request("status")[field.STATUS]
    installed, deployment = installed_digest(before), before[field.DEPLOYMENT]
    installing = is_installing(before, digest)
    is_absent = digest and digest != installed and not installing
    if is_absent or not (installed or deployment):
        return model_result(before, before, digest or installed, outcome=outcomes.ROLLED_BACK)
    if deployment and digest and not installing:
        raise ModelChangeError(
            "another deployment is in progress: roll that back first, without a digest"
        )
    changed = {"digest": digest or installed, "changed": True}
    if check_mode:
        return model_result(before, before, outcome=outcomes.WOULD_START, **changed)
    response = edged.request("rollback", "--reason", params["reason"])
    if response[field.ERROR]:
        raise ModelChangeError(response[field.ERROR], digest=digest)
    after = response[field.STATUS]
    past = past_deployment(after, response[field.ID])
    return model_result(before, after, outcome=outcomes.ROLLED_BACK, past=past, **changed)


def remove_source(params: dict[str, Any], result: dict[str, Any]) -> None:
    """Remove the bundle, if the parameters request it and the deployment has ended."""
    is_path = params["src"] and "://" not in params["src"]
    if params["remove"] and is_path and result.get("outcome") in outcomes.FINAL:
        Path(params["src"]).unlink(missing_ok=True)
