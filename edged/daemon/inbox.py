"""Everything that can happen to the supervisor, as frozen values in one queue.

Reader threads, the publisher's thread and signal handlers only put; the supervisor's thread alone takes, and
alone holds state. (`queue.SimpleQueue.put` may be called from a signal handler.)
"""

from dataclasses import dataclass
from queue import SimpleQueue

from edged.interfaces import Notice
from edged.updates.installer.messages import Finished, Progress
from edged.updates.service.control_socket import Asked
from edged.vision.messages_in import Gone, Heard


@dataclass(frozen=True, slots=True)
class Signalled:
    """The daemon got this signal."""

    number: int


Item = Heard | Gone | Signalled | Notice | Asked | Progress | Finished
Inbox = SimpleQueue[Item]
