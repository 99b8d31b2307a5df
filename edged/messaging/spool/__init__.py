"""The bounded on-disk queue in which messages wait for their acknowledgement. It does not depend on MQTT.

The owner's thread:

- `Spool` (queue): the queue, bounded by bytes and age; it numbers messages and records gaps.
- `SpoolJobs` (jobs): which job the disk gets next, one at a time.
- `WaitingMessages` (messages): the state in memory, brought up to date by the results.
- `Backlog` (backlog): an index of all messages, and the payloads that only memory holds or that are handed out next.

The disk's jobs:

- `SpoolFiles` (files): what the jobs do.
- `SpoolDisk` (disk): the store behind a fault barrier: a disk failure becomes a fault, never an exception.
- `SpoolStore` (store): the SQLite file.
"""

from edged.messaging.spool.item import Rank, SpoolItem
from edged.messaging.spool.loss import MessageLoss
from edged.messaging.spool.queue import Spool

__all__ = ["MessageLoss", "Rank", "Spool", "SpoolItem"]
