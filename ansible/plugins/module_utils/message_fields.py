"""Topics of a device, and names of the fields in its MQTT messages.

They are listed once, so that a rename in the contract is one line here.
"""

from __future__ import annotations

_TOPIC = "edged/v1/{device}/{leaf}"

STATUS = "up/status"
MODEL = "up/model"
HEALTH = "up/health"
DESIRED = "down/desired"

# In up/status.
PRESENCE = "status"
ONLINE = "online"

# In up/model.
INSTALLED = "installed"
CANDIDATE = "candidate"
LAST = "last"
CHANNEL = "channel"

# In the parts of up/model: the installed model, the version of the candidate, the last deployment.
ID = "id"
NAME = "name"
DIGEST = "digest"
VERSION = "version"
STATE = "state"
BLOCKED_REASON = "blocked_reason"
REQUESTED_BY = "requested_by"
REQUESTED_BY_CHANNEL = "channel"
OUTCOME = "outcome"
REASON = "reason"
FLAGGED = "flagged"
DENIED = "denied"

# In the channel of up/model, and in a desired state.
SEQUENCE = "sequence"
TITLE = "title"

# In up/health.
CONDITIONS = "degradations"
CONDITION_NAME = "name"
CONDITION_DETAIL = "detail"
THROTTLING = "throttling"
PAST_THROTTLING_SUFFIX = "_occurred"
DISK = "disk"
DISK_FREE_MB = "free_mb"
SOC_TEMPERATURE_C = "soc_temperature_c"


def topic(device: str, leaf: str) -> str:
    """Return the full topic of a device.

    Args:
        device: name of the device; it is one level of the topic.
        leaf: what follows the device's name, for example ``up/model``.
    """
    return _TOPIC.format(device=device, leaf=leaf)
