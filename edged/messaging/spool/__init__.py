"""The bounded on-disk queue in which messages wait for their acknowledgement. It does not depend on MQTT."""

from edged.messaging.spool.loss import MessageLoss
from edged.messaging.spool.queue import Spool
from edged.messaging.spool.store import Rank, SpoolItem

__all__ = ["MessageLoss", "Rank", "Spool", "SpoolItem"]
