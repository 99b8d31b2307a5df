"""The steps of a deployment from its request to its commit. Pure: each rule takes the present ledger and returns the next one.

See `edged.updates` for the states, and `edged.updates.rules.rollback` for the ends other than a commit. A version that failed by itself
(in its self-test or its trial) is denied from then on; one that was interrupted is not. A deployment that cannot continue for a passing reason (no space, no network)
stays in flight, and continues when it can.
"""

from msgspec.structs import replace

from edged.errors import UpdateError
from edged.updates.bundle.manifest import Manifest
from edged.updates.rules.baseline import Baseline
from edged.updates.rules.ledger import Deployment, DeploymentRequest, EndCause, Ledger
from edged.updates.rules.rollback import (
    clean_text,
    end_deployment,
    require_deployment,
    roll_back,
)
from edged.updates.rules.source import check_source

MAX_TRANSITIONS = 40
MAX_CRASHES = 3
"""The third crash of the daemon in a trial ends it."""
MAX_REBOOTS = 5
"""The fifth boot of the host in a trial ends it."""


def begin(ledger: Ledger, request: DeploymentRequest, *, id_: str) -> Ledger:
    """Accept a request.

    Args:
        ledger: the present ledger.
        request: what to install.
        id_: id of the new deployment.

    Raises:
        UpdateError: another deployment is in flight, or the source cannot be recorded.
    """
    for source in (request.source, *request.mirrors):
        check_source(source)
    if ledger.deployment is not None:
        busy = ledger.deployment
        raise UpdateError(
            f"{busy.display_name} is being installed ({busy.state}): wait for its end, or roll it back"
        )
    deployment = Deployment(id=id_, request=request, state="fetching", transitions=1)
    return replace(ledger, deployment=deployment)


def record_staged(ledger: Ledger, *, at: str) -> Ledger:
    """Record that the whole bundle is on this device, and durable."""
    return _transition(ledger, at=at, state="staged")


def record_verified(ledger: Ledger, manifest: Manifest, digest: str, *, at: str) -> Ledger:
    """Record that the bundle is verified, admissible and unpacked.

    Args:
        ledger: the present ledger.
        manifest: manifest of the bundle.
        digest: sha256 of the manifest.
        at: now, RFC 3339.
    """
    others = {one: why for one, why in ledger.denied.items() if one != digest}
    return _transition(
        replace(ledger, denied=others),
        at=at,
        state="verified",
        digest=digest,
        title=manifest.title,
        name=manifest.name,
        counter=manifest.counter,
        epoch=manifest.epoch,
    )


def record_self_tested(ledger: Ledger, *, at: str) -> Ledger:
    """Record that the version passed its self-test."""
    return _transition(ledger, at=at, state="self-tested")


def begin_trial(
    ledger: Ledger, *, boot_id: str, at: str, baseline: Baseline | None = None
) -> Ledger:
    """Record that the candidate is about to become active.

    The baseline is recorded with it, for a trial that a reboot interrupts.

    Args:
        ledger: the present ledger.
        boot_id: id of this boot of the host.
        at: now, RFC 3339.
        baseline: how the old model performed; None if that is not known.
    """
    baseline = baseline or Baseline()
    return _transition(
        ledger,
        at=at,
        state="trial",
        boot_id=boot_id,
        deaths=0,
        boots=0,
        is_clean_shutdown=False,
        baseline_fps=baseline.fps,
        baseline_frame_s=baseline.frame_s,
        baseline_memory_mb=baseline.memory_mb,
    )


def mark_clean_shutdown(ledger: Ledger) -> Ledger:
    """Record that the daemon is stopping properly: in a trial, its next start is no crash."""
    deployment = ledger.deployment
    if deployment is None or deployment.state != "trial":
        return ledger
    return replace(ledger, deployment=replace(deployment, is_clean_shutdown=True))


def record_start(ledger: Ledger, *, boot_id: str, at: str) -> Ledger:
    """Record a start of the daemon; in a trial it follows a crash or a boot of the host, and too many of them end the trial.

    Before a trial it counts as a transition, so that a bundle that crashes the host at every attempt is rejected in the end.

    Args:
        ledger: the present ledger.
        boot_id: id of this boot of the host.
        at: now, RFC 3339.
    """
    deployment = ledger.deployment
    if deployment is None:
        return ledger
    if deployment.state != "trial":
        return _transition(
            ledger, at=at, state=deployment.state, blocked_reason=deployment.blocked_reason
        )
    return _record_start_in_trial(ledger, deployment, boot_id=boot_id, at=at)


def block(ledger: Ledger, reason: str, *, at: str) -> Ledger:
    """Record that the deployment cannot continue for a passing reason; it keeps its state.

    Args:
        ledger: the present ledger.
        reason: why, in words.
        at: now, RFC 3339.

    Raises:
        UpdateError: no deployment is in flight.
    """
    state = require_deployment(ledger).state
    return _transition(ledger, at=at, state=state, blocked_reason=clean_text(reason))


def commit(ledger: Ledger, *, at: str, flag_reason: str | None = None) -> Ledger:
    """Commit the version on trial: the current version becomes the previous one, and the security floor rises to the new epoch.

    Args:
        ledger: the present ledger.
        at: now, RFC 3339.
        flag_reason: what evidence the commit lacks, in words; None if it lacks none.

    Raises:
        UpdateError: no deployment is in its trial.
    """
    deployment = require_deployment(ledger)
    if deployment.state != "trial":
        raise UpdateError(f"{deployment.display_name} is not in its trial yet ({deployment.state})")
    highest = max(ledger.counters.get(deployment.name, 0), deployment.counter)
    is_reinstall = deployment.digest == ledger.current
    committed = replace(
        ledger,
        current=deployment.digest,
        previous=ledger.previous if is_reinstall else ledger.current,
        epoch=max(ledger.epoch, deployment.epoch),
        counters={**ledger.counters, deployment.name: highest},
    )
    return end_deployment(
        committed, "committed", at=at, reason=flag_reason or "", flagged=flag_reason is not None
    )


def _record_start_in_trial(
    ledger: Ledger, deployment: Deployment, *, boot_id: str, at: str
) -> Ledger:
    rebooted = boot_id != deployment.boot_id
    crashes = deployment.deaths + (not rebooted and not deployment.is_clean_shutdown)
    boots = deployment.boots + rebooted
    counted = _transition(
        ledger,
        at=at,
        state="trial",
        boot_id=boot_id,
        deaths=crashes,
        boots=boots,
        is_clean_shutdown=False,
    )
    if counted.deployment is None or (crashes < MAX_CRASHES and boots < MAX_REBOOTS):
        return counted
    reason = (
        f"the daemon crashed {crashes} times in the trial"
        if crashes >= MAX_CRASHES
        else f"the host was booted {boots} times in the trial"
    )
    return roll_back(counted, EndCause.TRIAL_INTERRUPTED, reason, at=at)


def _transition(ledger: Ledger, *, at: str, **changes: object) -> Ledger:
    """Apply changes to the deployment as one transition; one transition too many ends it."""
    deployment = require_deployment(ledger)
    if deployment.transitions >= MAX_TRANSITIONS:
        reason = f"the deployment did not end within {MAX_TRANSITIONS} steps" + (
            f"; the last obstacle: {deployment.blocked_reason}" if deployment.blocked_reason else ""
        )
        return roll_back(ledger, EndCause.ATTEMPTS_EXHAUSTED, reason, at=at)
    changed = replace(
        deployment,
        **{"blocked_reason": "", "transitions": deployment.transitions + 1, **changes},
    )
    return replace(ledger, deployment=changed)
