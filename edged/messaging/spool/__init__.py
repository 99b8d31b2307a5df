"""The bounded on-disk queue in which messages wait for their acknowledgement. It does not depend on MQTT.

- `Spool` (queue): the queue, bounded by bytes and age; it numbers messages and records gaps.
- `SpoolDisk` (disk): the store behind a fault barrier: a disk failure becomes a `fault`, never an exception.
- `SpoolStore` (store): the SQLite file.
- `Backlog` (backlog): the order of the messages on disk and in memory.
"""

from edged.messaging.spool.item import Rank, SpoolItem
from edged.messaging.spool.loss import MessageLoss
from edged.messaging.spool.queue import Spool

__all__ = ["MessageLoss", "Rank", "Spool", "SpoolItem"]
