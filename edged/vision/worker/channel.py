"""The worker's messages to the supervisor, none of which may hold up live cameras for long.

A supervisor that gets no processor does not read, and the socket fills. Then

- the observation of a live camera is dropped: a newer one follows,
- that of a lossless camera waits until there is room,
- a part of a picture waits with its owner until the supervisor has read nearly everything before it,
- every other message waits in a queue, in order, and the newest `WorkerReport` takes the place of one that still waits. A queue that is full is waited for.

Observations stay behind the messages that were sent before them, so that one of a new model never overtakes its `ModelReady`.
"""

import array
import fcntl
import socket
import termios
from collections import deque

from edged.vision.messages import FromWorker, WorkerReport
from edged.vision.packets import FROM_WORKER

_MAX_QUEUED = 64
"""Messages, of a few hundred bytes; in a trial one for each failed frame can come."""
_MAX_UNREAD_BYTES = 32 << 10
"""Some observations, as Linux counts the memory of packets. A part of a picture is larger, so that two of them never wait in the socket."""


class SupervisorChannel:
    """Sends to the supervisor, from one thread."""

    def __init__(self, channel: socket.socket) -> None:
        """Send nothing yet.

        Args:
            channel: a blocking SOCK_SEQPACKET socket, whose other end the supervisor reads.
        """
        self._socket = channel
        self._queue: deque[bytes] = deque()
        self._queued_report: bytes | None = None
        """The report in the queue; None if there is none."""
        self.is_closed = False
        """True once the supervisor has closed its end."""

    def send(self, message: FromWorker) -> None:
        """Send a message that must arrive, or queue it; wait only if the queue is full."""
        packet = FROM_WORKER.encode(message)
        if self._flush() and self._try_send(packet):
            return
        if isinstance(message, WorkerReport):
            if self._queued_report is not None:
                self._queue.remove(self._queued_report)
            self._queued_report = packet
        elif len(self._queue) >= _MAX_QUEUED:
            self.wait_until_sent()
        self._queue.append(packet)

    def send_observation(self, packet: bytes, *, is_lossless: bool) -> bool:
        """Send a frame's observation; return False if it was dropped because the supervisor does not read.

        Args:
            packet: from `edged.vision.packets.pack_observation`.
            is_lossless: True to wait until it can be sent.
        """
        if is_lossless:
            self.wait_until_sent()
            self._send_waiting(packet)
            return True
        return (not self._queue or self._flush()) and self._try_send(packet)

    def send_chunk(self, packet: bytes) -> bool:
        """Send a part of a picture; return False if the supervisor has still to read what was sent before."""
        return (
            (not self._queue or self._flush())
            and _count_unread_bytes(self._socket) <= _MAX_UNREAD_BYTES
            and self._try_send(packet)
        )

    def wait_until_sent(self) -> None:
        """Wait until every queued message is sent, or the supervisor has closed its end."""
        while self._queue and not self.is_closed:
            self._send_waiting(self._queue[0])
            self._remove_first()

    def _flush(self) -> bool:
        """Send what is queued as far as there is room; return whether the queue is empty."""
        while self._queue:
            if not self._try_send(self._queue[0]):
                return False
            self._remove_first()
        return True

    def _remove_first(self) -> None:
        if self._queue.popleft() is self._queued_report:
            self._queued_report = None

    def _try_send(self, packet: bytes) -> bool:
        """Send a packet without waiting; return False if there is no room."""
        try:
            self._socket.send(packet, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            self.is_closed = True
        return True

    def _send_waiting(self, packet: bytes) -> None:
        try:
            self._socket.send(packet)
        except OSError:
            self.is_closed = True


def _count_unread_bytes(channel: socket.socket) -> int:
    """Return the memory of the packets that the other end has not read; 0 if it is closed (SIOCOUTQ, unix(7) and socket(7))."""
    count = array.array("i", [0])
    try:
        fcntl.ioctl(channel, termios.TIOCOUTQ, count)
    except OSError:
        return 0
    return count[0]
