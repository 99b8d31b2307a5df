"""The bounded on-disk queue: messages wait here until somebody has acknowledged them. Nothing here knows MQTT."""

from edged.messaging.spool.loss import MessageLoss
from edged.messaging.spool.queue import Spool
from edged.messaging.spool.store import Rank, SpoolItem

__all__ = ["MessageLoss", "Rank", "Spool", "SpoolItem"]
