"""Everything that can happen to the supervisor, as frozen values in one queue.

Reader threads, the publisher's thread and signal handlers only put; the supervisor's thread alone takes, and
alone holds state. (`queue.SimpleQueue.put` may be called from a signal handler.)
"""

from dataclasses import dataclass
from queue import SimpleQueue

from edged.interfaces import Notice
from edged.updates.installer.messages import InstallFinished, InstallProgress
from edged.updates.service.control_socket import PendingControlRequest
from edged.vision.worker_events import WorkerExited, WorkerMessage


@dataclass(frozen=True, slots=True)
class SignalReceived:
    """The daemon got this signal."""

    number: int


InboxItem = (
    WorkerMessage
    | WorkerExited
    | SignalReceived
    | Notice
    | PendingControlRequest
    | InstallProgress
    | InstallFinished
)
Inbox = SimpleQueue[InboxItem]
