"""What the messages of a device say of its models, as `edged_model_info` and `edged_model` would. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ansible_collections.edged.fleet.plugins.module_utils.bundle import (
    BundleUnreadableError,
    payload_of,
)

_TREE = "edged/v1/{device}/{leaf}"
ASKED = ("up/status", "up/model", "up/health", "down/desired")
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
"""What comes of a message that is not as the contract has it."""


def topic(device: str, leaf: str) -> str:
    """Of a device."""
    return _TREE.format(device=device, leaf=leaf)


@dataclass(frozen=True)
class Wish:
    """A desired state.

    Attributes:
        envelope: as it is published.
        digest: of the version.
        title: its name and version.
        sequence: of the message.
    """

    envelope: bytes
    digest: str
    title: str
    sequence: int


def read_wish(envelope: bytes) -> Wish:
    """Read it, without a verification: that is the device's.

    Raises:
        BundleUnreadableError: it is no envelope.
        ValueError: what was signed is no desired state.
    """
    try:
        told = json.loads(payload_of(envelope))
        return Wish(envelope, str(told["digest"]), str(told["title"]), int(told["sequence"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"it has no {error}") from None


class Messages:
    """What the broker has of one device."""

    def __init__(self, device: str, seen: dict[str, bytes]) -> None:
        self._device = device
        self._seen = seen

    def read(self, leaf: str) -> dict[str, Any]:
        """A message; empty if there is none."""
        try:
            message = json.loads(self._seen.get(topic(self._device, leaf), b"{}"))
        except ValueError:
            return {}
        return message if isinstance(message, dict) else {}

    def raw(self, leaf: str) -> bytes:
        """A payload; empty if there is none."""
        return self._seen.get(topic(self._device, leaf), b"")

    @property
    def heard_of(self) -> bool:
        """Whether it ever said anything."""
        return bool(self.raw("up/status"))


@dataclass(frozen=True)
class Before:
    """How a device was before the desired state was published: what stood there then is no answer to it.

    Attributes:
        last: id of the deployment that was over last; empty if there was none.
        refusal: why it did not follow the channel; empty if it did.
    """

    last: str
    refusal: str


def before(messages: Messages) -> Before:
    """How it is now."""
    try:
        last = messages.read("up/model").get("last") or {}
        return Before(last=str(last.get("id", "")), refusal=_refusal(messages))
    except _UNREADABLE:
        return Before("", "")


def info(messages: Messages, wish: Wish | None = None) -> dict[str, Any]:
    """As `edged_model_info` would tell it; what it says of a device that `wish` cannot reach is why."""
    try:
        return _info(messages, wish)
    except _UNREADABLE as error:
        return {"msg": f"what it says cannot be read: {error!r}"}


def _info(messages: Messages, wish: Wish | None) -> dict[str, Any]:
    model, health = messages.read("up/model"), messages.read("up/health")
    presence = messages.read("up/status").get("status", "never heard of")
    if presence != "online" or not model:
        return {"unreachable": True, "msg": f"up/status: {presence}"}
    if not model["channel"]:
        return {"msg": "it follows no channel: [updates] channel = true"}
    if wish and (why := _out_of_reach(messages, model, wish)):
        return {"msg": why}
    installed, candidate, last = model["installed"] or {}, model["candidate"], model["last"]
    denied = _denied(last or {})
    throttling = health.get("throttling") or {}
    return {
        "digest": installed.get("digest", ""),
        "title": installed.get("name", ""),
        "status": {
            "daemon": True,
            "pinned": "",
            "deployment": candidate and _deployment(candidate, _desired(messages)),
            "denied": denied,
        },
        "board": {
            "throttling": [
                name for name, on in throttling.items() if on and not name.endswith("_occurred")
            ],
            "disk_free_mb": (health.get("disk") or {}).get("free_mb"),
            "battery_percent": None,
            "temperature_c": health.get("soc_temperature_c"),
        },
    }


def _out_of_reach(messages: Messages, model: dict[str, Any], wish: Wish) -> str:
    """Why the device will do nothing about it; empty if it will, or has done it."""
    sequence = model["channel"]["sequence"]
    if model["candidate"] or (model["installed"] or {}).get("digest") == wish.digest:
        return ""
    if sequence > wish.sequence:
        return f"it follows a later desired state: {sequence}, and this is {wish.sequence}"
    if sequence == wish.sequence and wish.digest not in _denied(model["last"] or {}):
        return f"it followed desired state {sequence} before: {_ended(model)}; it wants one of a higher sequence"
    if messages.raw("down/desired") == wish.envelope:
        return _refusal(messages)
    return ""


def _denied(last: dict[str, Any]) -> dict[str, str]:
    """The reason by digest, if the deployment that was over last says so; who calls a version off does not deny it."""
    return {last["digest"]: last["reason"]} if last.get("denied") and last["digest"] else {}


def _ended(model: dict[str, Any]) -> str:
    last = model["last"]
    return (
        f"{last['outcome']}: {last['reason']}".removesuffix(": ") if last else "nothing came of it"
    )


def _refusal(messages: Messages) -> str:
    """Why it does not follow what the channel said; empty if it does."""
    wrong = messages.read("up/health").get("degradations") or ()
    return next((str(one["detail"]) for one in wrong if one["name"] == "channel"), "")


def _desired(messages: Messages) -> str:
    """The digest that the device was told last over the channel; empty if there is none."""
    try:
        return read_wish(messages.raw("down/desired")).digest
    except (BundleUnreadableError, ValueError):
        return ""


def _deployment(candidate: dict[str, Any], desired: str) -> dict[str, Any]:
    """Until its bundle is verified, what the channel asked for is known by the message alone."""
    version = candidate["version"] or {}
    return {
        "id": candidate["id"],
        "digest": version.get("digest", ""),
        "title": version.get("name", ""),
        "state": candidate["state"],
        "blocked_reason": candidate["blocked_reason"],
        "request": {
            "source": candidate["requested_by"],
            "expected": desired if candidate["requested_by"] == "channel" else "",
        },
    }


def fate(messages: Messages, wish: Wish, then: Before) -> dict[str, Any]:
    """How far the device has come with this version, as `edged_model` would tell it."""
    try:
        return _fate(messages, wish, then)
    except _UNREADABLE as error:
        return _told("under-way", f"what it says cannot be read: {error!r}")


def _fate(messages: Messages, wish: Wish, then: Before) -> dict[str, Any]:
    model = messages.read("up/model")
    candidate, last = model.get("candidate"), model.get("last") or {}
    if not candidate and (model.get("installed") or {}).get("digest") == wish.digest:
        flagged = last.get("digest") == wish.digest and last["flagged"]
        return _told("committed", last["reason"] if flagged else "", flagged=flagged)
    news = last if last.get("id", "") != then.last and last["outcome"] != "committed" else {}
    if news.get("digest") == wish.digest:
        return _told(news["outcome"], news["reason"])
    if candidate:
        return _told("under-way", candidate["blocked_reason"] or candidate["state"])
    return _fate_of_nothing_begun(messages, wish, then, news)


def _fate_of_nothing_begun(
    messages: Messages, wish: Wish, then: Before, news: dict[str, Any]
) -> dict[str, Any]:
    if news and not news["digest"]:  # it could not be verified
        return _told(news["outcome"], news["reason"])
    if (refusal := _refusal(messages)) and refusal != then.refusal:
        return _told("rejected", refusal)
    followed = (messages.read("up/model").get("channel") or {}).get("sequence", 0)
    if followed >= wish.sequence:
        why = "and begins nothing: it failed there before"
        return _told("rejected", f"it heard of desired state {followed}, {why}")
    return _told("under-way", "it has not begun")


def _told(outcome: str, reason: str, *, flagged: bool = False) -> dict[str, Any]:
    return {"outcome": outcome, "reason": reason, "flagged": flagged}
