"""Everything that can happen to the supervisor, as frozen values in one queue.

Reader threads, the publisher's thread and signal handlers only put; the supervisor's thread alone takes, and
alone holds state. (`queue.SimpleQueue.put` may be called from a signal handler.)
"""

from dataclasses import dataclass
from queue import SimpleQueue

from edged.app.control import Asked
from edged.interfaces import Notice
from edged.workers.installprotocol import Finished, Progress
from edged.workers.protocol import FromWorker


@dataclass(frozen=True, slots=True)
class Heard:
    """A vision worker said something. `run` tells its successive processes apart."""

    worker: int
    run: int
    message: FromWorker


@dataclass(frozen=True, slots=True)
class Gone:
    """A vision worker's process has ended, or talks nonsense and must be ended; `reason` says which."""

    worker: int
    run: int
    reason: str


@dataclass(frozen=True, slots=True)
class Signalled:
    """The daemon got this signal."""

    number: int


Item = Heard | Gone | Signalled | Notice | Asked | Progress | Finished
Inbox = SimpleQueue[Item]
