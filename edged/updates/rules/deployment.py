"""The rules of a model update, without any I/O: each takes the ledger as it is and returns it as it is to be.

::

    fetching ─▶ staged ─▶ verified ─▶ self-tested ─▶ trial ─▶ committed
        │          │          │            │           └────▶ rolled-back
        └──────────┴──────────┴────────────┴────────────────▶ rejected

*staged*: the bundle is on this device, whole. *verified*: its signatures and digests are right, it is for this device, and it is
unpacked. *self-tested*: a sandboxed child has run it on its goldens. *trial*: it looks through the cameras, beside the old model.
The state is durable before what it speaks of is done, so that whoever finds a ledger after a power cut knows where to go on: in
the trial nothing has been switched for good, so that every way out of it but a commit leads back to the old model.

A version that failed by itself (its self-test, its trial) is denied from then on. One that could not be taken for a passing reason
(no space, no network) stays in flight, and goes on when it can.
"""

from msgspec.structs import replace

from edged.errors import BundleError, UpdateError
from edged.updates.bundle.manifest import Manifest
from edged.updates.bundle.urls import redact_url
from edged.updates.rules.ledger import (
    FACTORY,
    Deployment,
    DeploymentOutcome,
    DeploymentRecord,
    DeploymentRequest,
    Ledger,
)

MAX_TRANSITIONS = 40
MAX_CRASHES = 3
"""The trial is over with the third death of the daemon's process in it."""
MAX_REBOOTS = 5
"""And with the fifth boot of the host."""
MAX_HISTORY = 20
MAX_DENIED = 200
MAX_SOURCE_CHARS = 4096
_MAX_REASON_CHARS = 500


def begin(ledger: Ledger, request: DeploymentRequest, *, id_: str) -> Ledger:
    """Take on a request.

    Raises:
        UpdateError: another deployment is in flight; or the source cannot be written down.
    """
    if (
        len(request.source) > MAX_SOURCE_CHARS
        or _clean_text(request.source, MAX_SOURCE_CHARS) != request.source
    ):
        raise UpdateError(
            f"{_clean_text(request.source)!r} is no source: it is longer than {MAX_SOURCE_CHARS} letters, or no valid UTF-8"
        )
    if ledger.deployment is not None:
        busy = ledger.deployment
        raise UpdateError(
            f"{busy.display_name} is on its way in ({busy.state}): wait for it, or roll it back"
        )
    deployment = Deployment(id=id_, request=request, state="fetching", transitions=1)
    return replace(ledger, deployment=deployment)


def record_staged(ledger: Ledger, *, at: str) -> Ledger:
    """The bundle is here, whole and durable."""
    return _transition(ledger, at=at, state="staged")


def check_admissible(ledger: Ledger, manifest: Manifest, digest: str) -> None:
    """Whether a bundle whose signatures are right may go on.

    Raises:
        BundleError: it is not what was asked for; it is below the security floor (TUF: rollback attack); its counter is lower than
            that of a version of the same name that was committed here, and no operator said that this is meant; or it failed before.
    """
    request = _require_deployment(ledger).request
    if request.expected and digest != request.expected:
        raise BundleError(
            f"the bundle is {manifest.title} ({digest[:12]}), not the one that was asked for ({request.expected[:12]})"
        )
    if manifest.epoch < ledger.epoch:
        raise BundleError(
            f"{manifest.title} is of epoch {manifest.epoch}: this device takes nothing below {ledger.epoch}"
        )
    highest = ledger.counters.get(manifest.name, 0)
    may_go_back = request.downgrade and request.requested_by == "operator"
    if manifest.counter < highest and not may_go_back:
        raise BundleError(
            f"{manifest.title} has the counter {manifest.counter}, and {highest} was installed here already: "
            "an operator can have it with --downgrade"
        )
    if digest in ledger.denied and not request.force:
        raise BundleError(
            f"{manifest.title} failed here before: {ledger.denied[digest]}; --force tries it again"
        )


def record_verified(ledger: Ledger, manifest: Manifest, digest: str, *, at: str) -> Ledger:
    """The bundle is verified, `admit`-ted and unpacked."""
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
    """The self-test was passed."""
    return _transition(ledger, at=at, state="self-tested")


def begin_trial(
    ledger: Ledger,
    *,
    boot_id: str,
    at: str,
    baseline_fps: float = 0.0,
    baseline_frame_s_p95: float = 0.0,
) -> Ledger:
    """The new model is about to look; how the old one did is kept with it, for a trial that a reboot interrupts."""
    return _transition(
        ledger,
        at=at,
        state="trial",
        boot_id=boot_id,
        deaths=0,
        boots=0,
        is_clean_shutdown=False,
        baseline_fps=baseline_fps,
        baseline_frame_s_p95=baseline_frame_s_p95,
    )


def mark_clean_shutdown(ledger: Ledger) -> Ledger:
    """The daemon is being ended properly: in a trial, its next start is no death."""
    deployment = ledger.deployment
    if deployment is None or deployment.state != "trial":
        return ledger
    return replace(ledger, deployment=replace(deployment, is_clean_shutdown=True))


def record_start(ledger: Ledger, *, boot_id: str, at: str) -> Ledger:
    """The daemon has started: in a trial that is a death of its process or a boot of the host, and there may be too many.

    Before a trial it is a transition: what takes the host down each time it is tried must end, too.
    """
    deployment = ledger.deployment
    if deployment is None:
        return ledger
    if deployment.state != "trial":
        return _transition(
            ledger, at=at, state=deployment.state, blocked_reason=deployment.blocked_reason
        )
    booted = boot_id != deployment.boot_id
    deaths = deployment.deaths + (not booted and not deployment.is_clean_shutdown)
    boots = deployment.boots + booted
    counted = _transition(
        ledger,
        at=at,
        state="trial",
        boot_id=boot_id,
        deaths=deaths,
        boots=boots,
        is_clean_shutdown=False,
    )
    if counted.deployment is None:
        return counted
    if deaths >= MAX_CRASHES:
        return roll_back(counted, f"the daemon died {deaths} times in the trial", at=at)
    if boots >= MAX_REBOOTS:
        return roll_back(counted, f"the host was booted {boots} times in the trial", at=at)
    return counted


def block(ledger: Ledger, reason: str, *, at: str) -> Ledger:
    """It cannot go on for a passing reason: it stays where it is."""
    state = _require_deployment(ledger).state
    return _transition(ledger, at=at, state=state, blocked_reason=_clean_text(reason))


def commit(ledger: Ledger, *, at: str, flag_reason: str = "") -> Ledger:
    """The model is kept: what was current becomes previous, and the security floor rises to its epoch.

    Args:
        ledger: as it is; a deployment is in its trial.
        at: now, RFC 3339.
        flag_reason: what the commit lacks, in words; "" if nothing.
    """
    deployment = _require_deployment(ledger)
    if deployment.state != "trial":
        raise UpdateError(f"{deployment.display_name} is not in its trial yet ({deployment.state})")
    highest = max(ledger.counters.get(deployment.name, 0), deployment.counter)
    again = deployment.digest == ledger.current
    kept = replace(
        ledger,
        current=deployment.digest,
        previous=ledger.previous if again else ledger.current,
        epoch=max(ledger.epoch, deployment.epoch),
        counters={**ledger.counters, deployment.name: highest},
    )
    return _end_deployment(kept, "committed", flag_reason, at=at, flagged=bool(flag_reason))


def roll_back(ledger: Ledger, reason: str, *, at: str, deny: bool = True) -> Ledger:
    """The trial has failed, or is called off: the old model goes on.

    Args:
        ledger: as it is.
        reason: why, in words.
        at: now, RFC 3339.
        deny: the model itself is to blame, and is not to be tried again.
    """
    deployment = _require_deployment(ledger)
    if deny and deployment.digest:
        ledger = deny_version(ledger, deployment.digest, reason)
    return _end_deployment(ledger, "rolled-back", reason, at=at)


def reject(ledger: Ledger, reason: str, *, at: str, deny: bool = False) -> Ledger:
    """It is not taken, before any trial. `deny`: the model itself is to blame, and is not to be tried again."""
    deployment = _require_deployment(ledger)
    if deny and deployment.digest:
        ledger = deny_version(ledger, deployment.digest, reason)
    return _end_deployment(ledger, "rejected", reason, at=at)


def roll_back_to_previous(
    ledger: Ledger, reason: str = "", *, epoch: int, title: str, id_: str, at: str
) -> Ledger:
    """An operator goes back to the previous version, which was committed once: there is no trial.

    Args:
        ledger: as it is; no deployment is in flight.
        reason: why, in the operator's words, if there are any.
        epoch: of the previous version; that of the factory model is 0.
        title: of the version that is left.
        id_: of this act.
        at: now, RFC 3339.

    Raises:
        UpdateError: there is nothing to go back to; it is below the security floor; or a deployment is in flight.
    """
    if ledger.deployment is not None:
        raise UpdateError(f"{ledger.deployment.display_name} is on its way in")
    if ledger.current == ledger.previous:
        raise UpdateError("there is nothing to go back to: the factory model is in use")
    if epoch < ledger.epoch:
        raise UpdateError(
            f"the previous model is of epoch {epoch}: this device takes nothing below {ledger.epoch}"
        )
    left = DeploymentRecord(
        id=id_,
        title=title,
        digest=ledger.current,
        source="",
        outcome="rolled-back",
        reason=_clean_text(reason) or "an operator went back to the previous model",
        time=at,
    )
    return replace(
        ledger,
        current=ledger.previous,
        previous=FACTORY,
        past=(*ledger.past, left)[-MAX_HISTORY:],
    )


def deny_version(ledger: Ledger, digest: str, reason: str) -> Ledger:
    """A version that failed by itself: it is not taken again, unless somebody insists."""
    others = {one: why for one, why in ledger.denied.items() if one != digest}
    newest = list({**others, digest: _clean_text(reason)}.items())[-MAX_DENIED:]
    return replace(ledger, denied=dict(newest))


def referenced_versions(ledger: Ledger) -> frozenset[str]:
    """The digests that a store must keep: current, previous, and the one in flight."""
    in_flight = ledger.deployment.digest if ledger.deployment else FACTORY
    return frozenset({ledger.current, ledger.previous, in_flight} - {FACTORY})


def load_order(ledger: Ledger) -> tuple[str, ...]:
    """Which versions to look with, best first; the factory model, which comes last, always works."""
    order = (ledger.current, ledger.previous)
    return (*dict.fromkeys(digest for digest in order if digest != FACTORY), FACTORY)


def _require_deployment(ledger: Ledger) -> Deployment:
    if ledger.deployment is None:
        raise UpdateError("no update is in flight")
    return ledger.deployment


def _transition(ledger: Ledger, *, at: str, **changes: object) -> Ledger:
    """The deployment with these changes, one transition on; it is rejected if that is one too many."""
    deployment = _require_deployment(ledger)
    if deployment.transitions >= MAX_TRANSITIONS:
        reason = f"it did not come through in {MAX_TRANSITIONS} steps" + (
            f"; at last: {deployment.blocked_reason}" if deployment.blocked_reason else ""
        )
        end = roll_back if deployment.state == "trial" else reject
        return end(ledger, reason, at=at)
    moved = replace(
        deployment,
        **{"blocked_reason": "", "transitions": deployment.transitions + 1, **changes},
    )
    return replace(ledger, deployment=moved)


def _end_deployment(
    ledger: Ledger, outcome: DeploymentOutcome, reason: str, *, at: str, flagged: bool = False
) -> Ledger:
    deployment = _require_deployment(ledger)
    over = DeploymentRecord(
        id=deployment.id,
        title=deployment.title,
        digest=deployment.digest,
        source=redact_url(deployment.request.source),
        outcome=outcome,
        reason=_clean_text(reason),
        flagged=flagged,
        time=at,
    )
    return replace(ledger, deployment=None, past=(*ledger.past, over)[-MAX_HISTORY:])


def _clean_text(text: str, max_chars: int = _MAX_REASON_CHARS) -> str:
    """What of a text can be written down; a path may have been no text at all."""
    return text.encode(errors="replace").decode()[:max_chars]
