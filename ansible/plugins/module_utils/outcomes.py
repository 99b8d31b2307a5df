"""Outcomes of a deployment: those that a device reports, and those that the collection adds."""

from __future__ import annotations

COMMITTED = "committed"
ROLLED_BACK = "rolled-back"
REJECTED = "rejected"
FINAL = (COMMITTED, ROLLED_BACK, REJECTED)
"""Outcomes that a device reports when a deployment has ended."""

IN_PROGRESS = "in-progress"
"""The deployment has not ended, or the device has not started it yet."""
WOULD_START = "would-start"
"""Check mode: the module would send the request."""
REFUSED = "refused"
"""The device answered, and the deployment cannot start there now."""

UNREACHABLE = "unreachable"
FAILED = "failed"
"""A task of the rollout failed before the device reported an outcome."""
NOT_STARTED = "not-started"
"""The rollout sent no request to this host."""
