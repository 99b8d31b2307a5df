"""Names of the fields in ``edged model VERB --json``.

They are listed once, so that a rename in edged is one line here. Fields that the collection does not read are not listed.
"""

from __future__ import annotations

# The response of each verb.
STATUS = "status"
ERROR = "error"

# The status.
DAEMON = "daemon"
PINNED = "pinned"
VERSIONS = "versions"
DEPLOYMENT = "deployment"
PAST = "past"
DENIED = "denied"

# A deployment, past or in progress, and a version. The response has an id, too.
ID = "id"
TITLE = "title"
DIGEST = "digest"

# A version in the store.
ROLE = "role"
DAMAGE = "damage"

# The deployment in progress.
STATE = "state"
BLOCKED_REASON = "blocked_reason"
REQUEST = "request"
EXPECTED_DIGEST = "expected"

# The request of a deployment in progress; a past deployment has it itself.
SOURCE = "source"

# A past deployment.
OUTCOME = "outcome"
REASON = "reason"
FLAGGED = "flagged"
