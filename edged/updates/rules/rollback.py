"""Rollback and rejection: how a deployment ends, and how a device goes back to an older model.

`roll_back` is the only way back to an older model, whatever the cause: a failed trial, an operator, or a daemon that keeps crashing.
To add a cause, add a member to `EndCause`, its words to `DEFAULT_REASONS`, and its value to `cause` in `edged.messaging.contract.model`. Pure.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from edged.errors import UpdateError
from edged.redaction import display_url
from edged.updates.rules.ledger import (
    DENYING_CAUSES,
    FACTORY,
    Deployment,
    DeploymentOutcome,
    DeploymentRecord,
    EndCause,
    Ledger,
)

MAX_HISTORY = 20
MAX_DENIED = 200
_MAX_REASON_CHARS = 500

DEFAULT_REASONS: Mapping[EndCause, str] = {
    EndCause.BUNDLE_REFUSED: "the bundle was refused",
    EndCause.SELF_TEST_FAILED: "the model failed its self-test",
    EndCause.TRIAL_FAILED: "the model failed its trial",
    EndCause.TRIAL_INTERRUPTED: "the trial was interrupted too often",
    EndCause.ATTEMPTS_EXHAUSTED: "the deployment took too many steps",
    EndCause.OPERATOR: "rolled back by an operator",
    EndCause.CRASH_LOOP: "the daemon kept failing with this model",
}
"""The words for each cause, for a rollback without a reason of its own."""


def roll_back(
    ledger: Ledger,
    cause: EndCause,
    reason: str | None = None,
    *,
    at: str,
    id_: str = "",
    current_title: str = "",
    previous_epoch: int | None = None,
) -> Ledger:
    """Go one step back.

    A deployment in flight ends: rolled back if it is on trial, rejected if it is not. Without one, the previous version replaces the
    current one. An operator goes back to the previous version or nowhere; after a crash loop the factory model replaces a previous
    version that cannot be used, because it was installed with edged itself. A version that was active is denied from then on if it failed
    by itself (`DENYING_CAUSES`).

    Args:
        ledger: the present ledger.
        cause: cause of the rollback.
        reason: the cause in words, with details; None for the default words.
        at: now, RFC 3339.
        id_: id of the record if no deployment is in flight.
        current_title: ``name@version`` of the current version.
        previous_epoch: epoch of the previous version, 0 for the factory model; None if that version is damaged.

    Raises:
        UpdateError: no deployment is in flight, and there is no version to go back to.
    """
    reason = reason or DEFAULT_REASONS[cause]
    if ledger.deployment is None:
        return _replace_current(
            ledger,
            cause,
            DeploymentRecord(
                id=id_,
                title=current_title,
                digest=ledger.current,
                source="",
                outcome="rolled-back",
                cause=cause,
                reason=clean_text(reason),
                time=at,
            ),
            previous_epoch,
        )
    if ledger.deployment.state != "trial":
        return reject(ledger, cause, reason, at=at)
    if cause in DENYING_CAUSES:
        ledger = deny_version(ledger, ledger.deployment.digest, reason)
    return end_deployment(ledger, "rolled-back", at=at, cause=cause, reason=reason)


def reject(ledger: Ledger, cause: EndCause, reason: str, *, at: str) -> Ledger:
    """End the deployment in flight before its trial; a version that failed its self-test is denied.

    Args:
        ledger: the present ledger.
        cause: cause of the rejection.
        reason: the cause in words, with details.
        at: now, RFC 3339.

    Raises:
        UpdateError: no deployment is in flight.
    """
    deployment = require_deployment(ledger)
    if cause is EndCause.SELF_TEST_FAILED:
        ledger = deny_version(ledger, deployment.digest, reason)
    return end_deployment(ledger, "rejected", at=at, cause=cause, reason=reason)


def end_deployment(
    ledger: Ledger,
    outcome: DeploymentOutcome,
    *,
    at: str,
    cause: EndCause | None = None,
    reason: str = "",
    flagged: bool = False,
) -> Ledger:
    """Turn the deployment in flight into a record.

    Args:
        ledger: the present ledger.
        outcome: how it ended.
        at: now, RFC 3339.
        cause: cause of a rejection or rollback; None for a commit.
        reason: the cause in words, with details.
        flagged: the commit lacks evidence.

    Raises:
        UpdateError: no deployment is in flight.
    """
    deployment = require_deployment(ledger)
    record = DeploymentRecord(
        id=deployment.id,
        title=deployment.title,
        digest=deployment.digest,
        source=display_url(deployment.request.source),
        outcome=outcome,
        cause=cause,
        reason=clean_text(reason),
        flagged=flagged,
        time=at,
    )
    return _append_record(replace(ledger, deployment=None), record)


def deny_version(ledger: Ledger, digest: str, reason: str) -> Ledger:
    """Deny a version that failed: it is not installed again unless an operator forces it.

    Args:
        ledger: the present ledger.
        digest: digest of the version.
        reason: why it failed, in words.
    """
    others = {one: why for one, why in ledger.denied.items() if one != digest}
    newest = list({**others, digest: clean_text(reason)}.items())[-MAX_DENIED:]
    return replace(ledger, denied=dict(newest))


def require_deployment(ledger: Ledger) -> Deployment:
    """Return the deployment in flight.

    Raises:
        UpdateError: none is in flight.
    """
    if ledger.deployment is None:
        raise UpdateError("no update is in flight")
    return ledger.deployment


def clean_text(text: str, max_chars: int = _MAX_REASON_CHARS) -> str:
    """Return the part of a text that a ledger can hold: valid UTF-8, and not too long."""
    return text.encode(errors="replace").decode()[:max_chars]


def _replace_current(
    ledger: Ledger, cause: EndCause, record: DeploymentRecord, previous_epoch: int | None
) -> Ledger:
    if ledger.current == FACTORY:
        raise UpdateError("no previous model: the factory model is in use")
    is_usable = previous_epoch is not None and previous_epoch >= ledger.epoch
    if cause is not EndCause.OPERATOR:
        ledger = deny_version(ledger, ledger.current, record.reason)
    elif previous_epoch is None:
        raise UpdateError("the previous model is damaged: install a bundle instead")
    elif not is_usable:
        raise UpdateError(
            f"the previous model is of epoch {previous_epoch}: this device accepts no epoch below {ledger.epoch}"
        )
    return _append_record(
        replace(ledger, current=ledger.previous if is_usable else FACTORY, previous=FACTORY),
        record,
    )


def _append_record(ledger: Ledger, record: DeploymentRecord) -> Ledger:
    return replace(ledger, past=(*ledger.past, record)[-MAX_HISTORY:])
