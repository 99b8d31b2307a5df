"""The results of the module `edged_model`. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.edged.fleet.plugins.module_utils import outcomes
from ansible_collections.edged.fleet.plugins.module_utils import status_fields as field
from ansible_collections.edged.fleet.plugins.module_utils.model_status import (
    installed_version,
    past_deployment,
    version_lines,
)


class ModelChangeError(Exception):
    """The device did not come to the requested state.

    Attributes:
        result: what is known; keys of the module's result.
    """

    def __init__(self, message: str, **result: Any) -> None:
        super().__init__(message)
        self.result = {"outcome": outcomes.REFUSED, **result}


def model_result(
    before: dict[str, Any],
    after: dict[str, Any],
    digest: str,
    *,
    outcome: str,
    changed: bool = False,
    past: dict[str, Any] | None = None,
    deployment_id: str = "",
) -> dict[str, Any]:
    """Return the result of the module.

    Args:
        before: the status of the device before.
        after: the status of the device now.
        digest: digest of the version that was requested.
        outcome: one of `outcomes`.
        changed: whether the module changed the device.
        past: the entry of the deployment, if it has ended.
        deployment_id: id of the deployment, if it is in progress.
    """
    return {
        "changed": changed,
        "outcome": outcome,
        "reason": past[field.REASON] if past else "",
        "flagged": bool(past and past[field.FLAGGED]),
        "digest": digest,
        "id": past[field.ID] if past else deployment_id,
        "diff": {"before": version_lines(before), "after": version_lines(after)},
    }


def deployment_result(
    before: dict[str, Any],
    after: dict[str, Any],
    digest: str,
    *,
    deployment_id: str,
    started: bool = True,
    waited: bool = True,
) -> dict[str, Any]:
    """Return the result of a deployment that is committed, or in progress and not waited for.

    Args:
        before: the status of the device before.
        after: the status of the device now.
        digest: digest of the version that was requested.
        deployment_id: id of the deployment.
        started: whether this module started it, now or in an earlier run.
        waited: whether the module waited for its end.

    Raises:
        ModelChangeError: if it ended otherwise, or did not end in time.
    """
    past = past_deployment(after, deployment_id)
    if past:
        outcome = past[field.OUTCOME]
        result = model_result(before, after, digest, outcome=outcome, changed=True, past=past)
        if outcome == outcomes.COMMITTED:
            return result
        name = past[field.TITLE] or past[field.SOURCE]
        raise ModelChangeError(f"{name}: {outcome}: {past[field.REASON]}", **result)
    result = model_result(
        before,
        after,
        digest,
        outcome=outcomes.IN_PROGRESS,
        changed=started,
        deployment_id=deployment_id,
    )
    if not waited:
        return result
    raise ModelChangeError(f"not finished within the timeout: {_progress(after)}", **result)


def _progress(status: dict[str, Any]) -> str:
    deployment = status[field.DEPLOYMENT] or {}
    state = deployment.get(field.BLOCKED_REASON) or deployment.get(field.STATE) or "unknown"
    return state if status[field.DAEMON] else f"{state}; the daemon does not run, so no trial runs"


def would_install(before: dict[str, Any], src: str, digest: str) -> dict[str, Any]:
    """Return the result in check mode.

    Args:
        before: the status of the device.
        src: the source of the bundle.
        digest: digest of the version.
    """
    result = model_result(before, before, digest, outcome=outcomes.WOULD_START, changed=True)
    version = installed_version(before)
    previous = f"{version[field.TITLE]} {version[field.DIGEST][:12]}" if version else "none"
    result["diff"]["after"] = f"current: {src} {digest[:12]}\nprevious: {previous.rstrip()}\n"
    return result
