"""The bounded on-disk queue: messages wait here until somebody has acknowledged them. Nothing here knows MQTT."""

from edged.spool.loss import Loss
from edged.spool.queue import Spool
from edged.spool.store import Item, Rank

__all__ = ["Item", "Loss", "Rank", "Spool"]
