"""What the messages of a device say of its models, as `edged_model_info` and `edged_model` would. Pure."""

from __future__ import annotations

import json
from typing import Any

_TREE = "edged/v1/{device}/{leaf}"
ASKED = ("up/status", "up/model", "up/health", "down/desired")


def topic(device: str, leaf: str) -> str:
    """Of a device."""
    return _TREE.format(device=device, leaf=leaf)


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


def info(messages: Messages) -> dict[str, Any]:
    """As `edged_model_info` would tell it."""
    model, health = messages.read("up/model"), messages.read("up/health")
    presence = messages.read("up/status").get("status", "never heard of")
    if presence != "online" or not model:
        return {"unreachable": True, "msg": f"up/status: {presence}"}
    if not model["channel"]:
        return {"msg": "it follows no channel: [updates] channel = true"}
    installed, candidate, last = model["installed"] or {}, model["candidate"], model["last"]
    failed = last and last["digest"] and last["outcome"] != "committed"
    throttling = health.get("throttling") or {}
    return {
        "digest": installed.get("digest", ""),
        "title": installed.get("name", ""),
        "status": {
            "daemon": True,
            "pinned": "",
            "deployment": candidate and _deployment(candidate),
            "denied": {last["digest"]: last["reason"]} if failed else {},
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


def _deployment(candidate: dict[str, Any]) -> dict[str, Any]:
    version = candidate["version"] or {}
    return {
        "id": candidate["id"],
        "digest": version.get("digest", ""),
        "title": version.get("name", ""),
        "state": candidate["state"],
        "hindrance": candidate["hindrance"],
        "request": {"source": candidate["requested_by"], "expected": ""},
    }


def fate(messages: Messages, digest: str) -> dict[str, Any]:
    """How far the device has come with this version, as `edged_model` would tell it."""
    model = messages.read("up/model")
    candidate, last, installed = (
        model.get("candidate"),
        model.get("last") or {},
        model.get("installed") or {},
    )
    if not candidate and installed.get("digest") == digest:
        flagged = last.get("digest") == digest and last["flagged"]
        return _told("committed", last["reason"] if flagged else "", flagged=flagged)
    if last.get("digest") == digest and last["outcome"] != "committed":
        return _told(last["outcome"], last["reason"])
    if candidate:
        return _told("under-way", candidate["hindrance"] or candidate["state"])
    # What could not be verified has no digest: it may have been this.
    unknown = (
        f"; before: {last['outcome']}: {last['reason']}" if last and not last["digest"] else ""
    )
    return _told("under-way", f"it has not begun{unknown}")


def _told(outcome: str, reason: str, *, flagged: bool = False) -> dict[str, Any]:
    return {"outcome": outcome, "reason": reason, "flagged": flagged}
