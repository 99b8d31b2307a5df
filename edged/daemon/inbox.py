"""The supervisor's inbox: everything that can happen to it, as frozen values in one queue.

Listener threads, the publisher's thread and signal handlers only put items in; the supervisor's thread alone takes them out, and
alone holds state. (`queue.SimpleQueue.put` may be called from a signal handler.)
"""

from dataclasses import dataclass
from queue import SimpleQueue

from edged.interfaces import Notice
from edged.updates.installer.messages import InstallFinished, InstallProgress
from edged.updates.service.control_socket import PendingControlRequest
from edged.vision.process import WorkerExited, WorkerMessage


@dataclass(frozen=True, slots=True)
class SignalReceived:
    """A signal to the daemon."""

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
