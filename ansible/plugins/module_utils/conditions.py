"""Names of the conditions in ``up/health`` that the collection reads. They are those of edged."""

from __future__ import annotations

CHANNEL = "channel"
"""The device does not follow the desired state that the update channel gave it."""

CONDITIONS = (CHANNEL,)
