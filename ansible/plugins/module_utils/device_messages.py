"""The retained messages of one device. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.edged.fleet.plugins.module_utils import conditions
from ansible_collections.edged.fleet.plugins.module_utils import message_fields as field

TOPIC_LEAVES = (field.STATUS, field.MODEL, field.HEALTH, field.DESIRED)
"""What a session subscribes to, for each device."""
MALFORMED_MESSAGE_ERRORS = (AttributeError, KeyError, TypeError, ValueError)
"""Exceptions that reading a message raises if it does not conform to the contract."""


class DeviceMessages:
    """The messages that the broker has of one device."""

    def __init__(self, device: str, payloads: Mapping[str, bytes]) -> None:
        """Refer to the payloads of a session, by topic; later changes to them are seen."""
        self._device = device
        self._payloads = payloads

    def payload(self, leaf: str) -> bytes:
        """Return the payload of a topic; it is empty if there is none."""
        return self._payloads.get(field.topic(self._device, leaf), b"")

    def body(self, leaf: str) -> dict[str, Any]:
        """Return the JSON object of a topic; it is empty if there is none."""
        try:
            body = json.loads(self.payload(leaf) or b"{}")
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    @property
    def is_known(self) -> bool:
        """True if the broker has a status of this device."""
        return bool(self.payload(field.STATUS))

    @property
    def channel_refusal(self) -> str:
        """Reason for which the device does not follow the desired state; empty if it does."""
        held = self.body(field.HEALTH).get(field.CONDITIONS) or ()
        details = (
            str(condition[field.CONDITION_DETAIL])
            for condition in held
            if condition[field.CONDITION_NAME] == conditions.CHANNEL
        )
        return next(details, "")
