"""The status of a device that only the broker reaches, in the form that `edged_model_info` returns. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.edged.fleet.plugins.module_utils import message_fields as message
from ansible_collections.edged.fleet.plugins.module_utils import status_fields as status
from ansible_collections.edged.fleet.plugins.module_utils.bundle import BundleUnreadableError
from ansible_collections.edged.fleet.plugins.module_utils.desired_state import (
    DesiredVersion,
    parse_desired_state,
)
from ansible_collections.edged.fleet.plugins.module_utils.device_messages import (
    MALFORMED_MESSAGE_ERRORS,
    DeviceMessages,
)


def device_info(messages: DeviceMessages, desired: DesiredVersion | None = None) -> dict[str, Any]:
    """Return what `edged_model_info` would return.

    Args:
        messages: the messages of the device.
        desired: the desired state that is to be published. If the device would not follow it, the result is only a ``msg`` with the reason.
    """
    try:
        return _device_info(messages, desired)
    except MALFORMED_MESSAGE_ERRORS as error:
        return {"msg": f"its messages cannot be read: {error!r}"}


def _device_info(messages: DeviceMessages, desired: DesiredVersion | None) -> dict[str, Any]:
    model = messages.body(message.MODEL)
    presence = messages.body(message.STATUS).get(message.PRESENCE, "no message")
    if presence != message.ONLINE or not model:
        return {"unreachable": True, "msg": f"{message.STATUS}: {presence}"}
    if not model[message.CHANNEL]:
        return {"msg": "the device follows no update channel: set [updates] channel = true"}
    if desired and (reason := _reason_not_to_follow(messages, model, desired)):
        return {"msg": reason}
    installed = model[message.INSTALLED] or {}
    return {
        "digest": installed.get(message.DIGEST, ""),
        "title": installed.get(message.NAME, ""),
        "status": _status(messages, model),
        "board": _board(messages.body(message.HEALTH)),
    }


def _status(messages: DeviceMessages, model: dict[str, Any]) -> dict[str, Any]:
    candidate = model[message.CANDIDATE]
    return {
        status.DAEMON: True,
        status.PINNED: "",
        status.DEPLOYMENT: candidate and _deployment(candidate, _published_digest(messages)),
        status.DENIED: _denied(model[message.LAST] or {}),
    }


def _board(health: dict[str, Any]) -> dict[str, Any]:
    flags = health.get(message.THROTTLING) or {}
    suffix = message.PAST_THROTTLING_SUFFIX
    return {
        "throttling": [name for name, on in flags.items() if on and not name.endswith(suffix)],
        "disk_free_mb": (health.get(message.DISK) or {}).get(message.DISK_FREE_MB),
        "battery_percent": None,
        "temperature_c": health.get(message.SOC_TEMPERATURE_C),
    }


def _reason_not_to_follow(
    messages: DeviceMessages, model: dict[str, Any], desired: DesiredVersion
) -> str:
    """Return why the device will not install the desired version; empty if it will, or has done so.

    Args:
        messages: the messages of the device.
        model: the body of ``up/model``.
        desired: the desired state that is to be published.
    """
    sequence = model[message.CHANNEL][message.SEQUENCE]
    installed = model[message.INSTALLED] or {}
    if model[message.CANDIDATE] or installed.get(message.DIGEST) == desired.digest:
        return ""
    if sequence > desired.sequence:
        return f"the device follows a later desired state: its sequence is {sequence}, this one is {desired.sequence}"
    last = model[message.LAST] or {}
    if sequence == desired.sequence and desired.digest not in _denied(last):
        return (
            f"the device has already followed desired state {sequence} ({_result(last)}); "
            "sign one with a higher sequence"
        )
    if messages.payload(message.DESIRED) == desired.envelope:
        return messages.channel_refusal
    return ""


def _denied(last: dict[str, Any]) -> dict[str, str]:
    """Return the reason by digest if the last deployment was denied; a version that somebody cancelled is not."""
    if last.get(message.DENIED) and last[message.DIGEST]:
        return {last[message.DIGEST]: last[message.REASON]}
    return {}


def _result(last: dict[str, Any]) -> str:
    if not last:
        return "no deployment"
    return f"{last[message.OUTCOME]}: {last[message.REASON]}".removesuffix(": ")


def _published_digest(messages: DeviceMessages) -> str:
    """Return the digest in the desired state that the broker retains; empty if there is none."""
    try:
        return parse_desired_state(messages.payload(message.DESIRED)).digest
    except (BundleUnreadableError, ValueError):
        return ""


def _deployment(candidate: dict[str, Any], published_digest: str) -> dict[str, Any]:
    """Return the deployment in progress; until the bundle is verified, its digest is only expected."""
    version = candidate[message.VERSION] or {}
    requested_by = candidate[message.REQUESTED_BY]
    from_channel = requested_by == message.REQUESTED_BY_CHANNEL
    return {
        status.ID: candidate[message.ID],
        status.DIGEST: version.get(message.DIGEST, ""),
        status.TITLE: version.get(message.NAME, ""),
        status.STATE: candidate[message.STATE],
        status.BLOCKED_REASON: candidate[message.BLOCKED_REASON],
        status.REQUEST: {
            status.SOURCE: requested_by,
            status.EXPECTED_DIGEST: published_digest if from_channel else "",
        },
    }
