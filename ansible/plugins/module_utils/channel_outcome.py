"""The outcome of a desired state on a device that only the broker reaches. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.edged.fleet.plugins.module_utils import message_fields as field
from ansible_collections.edged.fleet.plugins.module_utils import outcomes
from ansible_collections.edged.fleet.plugins.module_utils.desired_state import DesiredVersion
from ansible_collections.edged.fleet.plugins.module_utils.device_messages import (
    MALFORMED_MESSAGE_ERRORS,
    DeviceMessages,
)


@dataclass(frozen=True)
class StateBeforePublication:
    """The last report of a device from before the publication of the desired state.

    Attributes:
        last_deployment: id of the deployment that ended last; empty if there was none.
        channel_refusal: why the device did not follow the channel; empty if it did.
    """

    last_deployment: str
    channel_refusal: str


def state_before_publication(messages: DeviceMessages) -> StateBeforePublication:
    """Return the state of a device now."""
    try:
        last = messages.body(field.MODEL).get(field.LAST) or {}
        return StateBeforePublication(
            last_deployment=str(last.get(field.ID, "")), channel_refusal=messages.channel_refusal
        )
    except MALFORMED_MESSAGE_ERRORS:
        return StateBeforePublication("", "")


def desired_state_outcome(
    messages: DeviceMessages, desired: DesiredVersion, before: StateBeforePublication
) -> dict[str, Any]:
    """Return ``outcome``, ``reason`` and ``flagged``, as `edged_model` would.

    Args:
        messages: the messages of the device.
        desired: the desired state that was published.
        before: the state of the device before that.
    """
    try:
        return _outcome(messages, desired, before)
    except MALFORMED_MESSAGE_ERRORS as error:
        return _result(outcomes.IN_PROGRESS, f"its messages cannot be read: {error!r}")


def _outcome(
    messages: DeviceMessages, desired: DesiredVersion, before: StateBeforePublication
) -> dict[str, Any]:
    model = messages.body(field.MODEL)
    candidate, last = model.get(field.CANDIDATE), model.get(field.LAST) or {}
    installed = model.get(field.INSTALLED) or {}
    if not candidate and installed.get(field.DIGEST) == desired.digest:
        flagged = last.get(field.DIGEST) == desired.digest and last[field.FLAGGED]
        return _result(outcomes.COMMITTED, last[field.REASON] if flagged else "", flagged=flagged)
    is_new = last.get(field.ID, "") != before.last_deployment
    failure = last if is_new and last[field.OUTCOME] != outcomes.COMMITTED else {}
    if failure.get(field.DIGEST) == desired.digest:
        return _result(failure[field.OUTCOME], failure[field.REASON])
    if candidate:
        reason = candidate[field.BLOCKED_REASON] or candidate[field.STATE]
        return _result(outcomes.IN_PROGRESS, reason)
    if failure and not failure[field.DIGEST]:  # the bundle could not be verified
        return _result(failure[field.OUTCOME], failure[field.REASON])
    return _outcome_without_deployment(messages, desired, before)


def _outcome_without_deployment(
    messages: DeviceMessages, desired: DesiredVersion, before: StateBeforePublication
) -> dict[str, Any]:
    refusal = messages.channel_refusal
    if refusal and refusal != before.channel_refusal:
        return _result(outcomes.REJECTED, refusal)
    channel = messages.body(field.MODEL).get(field.CHANNEL) or {}
    sequence = channel.get(field.SEQUENCE, 0)
    if sequence >= desired.sequence:
        reason = f"the device follows desired state {sequence} and starts nothing: this version failed there before"
        return _result(outcomes.REJECTED, reason)
    return _result(outcomes.IN_PROGRESS, "the device has not started the deployment")


def _result(outcome: str, reason: str, *, flagged: bool = False) -> dict[str, Any]:
    return {"outcome": outcome, "reason": reason, "flagged": flagged}
