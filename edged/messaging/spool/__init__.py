"""The bounded on-disk queue: messages wait here until somebody has acknowledged them. Nothing here knows MQTT."""

from edged.messaging.spool.loss import Loss
from edged.messaging.spool.queue import Spool
from edged.messaging.spool.store import Item, Rank

__all__ = ["Item", "Loss", "Rank", "Spool"]
