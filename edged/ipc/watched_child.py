"""The parent's handle on a child process for an event loop: its packets and its end, without a wait."""

import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, Self, TypeVar

from edged.errors import PacketError
from edged.event_loop import EventLoop, Timer
from edged.ipc import child
from edged.ipc.packets import PacketCodec

SentT = TypeVar("SentT")
ReceivedT = TypeVar("ReceivedT")

_END_TIMEOUT_S = 2.0
"""A child that has closed its socket ends at once: it has nothing left to do."""
_KILL_TIMEOUT_S = 5.0
"""After SIGKILL. A process that is stuck in a driver can outlive it, and is then left behind."""


class WatchedChild(Generic[SentT, ReceivedT]):
    """A child process whose socket and whose end the loop watches.

    The child dies with the thread that started it, which is the loop's. Nothing here waits: not for the child's end, and not for room in
    a socket that the child does not read.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        channel: socket.socket,
        pidfd: int,
        *,
        sent: PacketCodec[SentT],
        received: PacketCodec[ReceivedT],
        loop: EventLoop,
    ) -> None:
        """Take over what `start` started; `watch` begins to watch it.

        Args:
            process: the child.
            channel: our end of the socket pair, not blocking.
            pidfd: a descriptor that becomes readable when the process ends (pidfd_open(2)).
            sent: codec of the messages to the child.
            received: codec of the messages from the child.
            loop: the loop that watches.
        """
        self._process = process
        self._channel = channel
        self._sent = sent
        self._received = received
        self._loop = loop
        self._pidfd = pidfd
        self._unsent = b""
        self._fault: str | None = None
        self._deadline: Timer | None = None
        self._on_readable: Callable[[], object] = lambda: None
        self._on_exit: Callable[[str], object] = lambda _: None

    @classmethod
    def start(
        cls,
        module: str,
        *,
        loop: EventLoop,
        sent: PacketCodec[SentT],
        received: PacketCodec[ReceivedT],
        first_message: SentT,
        pass_fds: Sequence[int] = (),
        take_spawned: Callable[[], child.SpawnedChild | None] = lambda: None,
    ) -> Self:
        """Start ``python -m module FD``; call it in the loop's thread.

        Args:
            module: the child's module.
            loop: the loop that watches.
            sent: codec of the messages to the child.
            received: codec of the messages from the child.
            first_message: sent at once.
            pass_fds: further descriptors that the child inherits, under the same numbers.
            take_spawned: returns a process of that module that was started before, and has got no message yet; None if there is none.

        Raises:
            WorkerError: no process can be started, or watched.
            PacketError: the first message is larger than a packet may be; no process was started.
        """
        packet = sent.encode(first_message)
        spawned = take_spawned()
        process, channel = spawned or child.spawn_with_packet(module, packet, pass_fds=pass_fds)
        if spawned is not None:
            with suppress(OSError):  # it has ended, which the next read notices
                channel.send(packet)
        channel.setblocking(False)  # noqa: FBT003 (the standard library's)
        pidfd = child.open_pidfd(module, (process, channel))
        return cls(process, channel, pidfd, sent=sent, received=received, loop=loop)

    def watch(self, on_readable: Callable[[], object], on_exit: Callable[[str], object]) -> None:
        """Call back from now on.

        Args:
            on_readable: called while there is something to `read`; what it leaves unread, it is called for again in the loop's next pass.
            on_exit: called once, when the child has ended and everything that it sent was read, with how: ``exited with 1``.
        """
        self._on_readable = on_readable
        self._on_exit = on_exit
        self._loop.watch(self._pidfd, self._on_process_end)
        self._loop.watch(self._channel.fileno(), on_readable)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def has_unread(self) -> bool:
        """Whether the child has sent something, or closed its end, that was not read yet."""
        if self._is_closed:
            return False
        return child.is_readable(self._channel)

    def read(self) -> ReceivedT | None:
        """Return the child's next message; None if there is none now. An invalid message is the last: the child is killed."""
        packet = self._receive()
        if packet is None:
            return None
        try:
            return self._received.decode(packet)
        except PacketError as error:
            self._fault = f"sent {error}"
            self.kill()
            self._close_channel()
            return None

    def send(self, message: SentT) -> None:
        """Send a message, which says everything that the child is to know: one that it has no room for is replaced by the next.

        A child that has ended misses it.

        Raises:
            PacketError: the message is larger than a packet may be.
        """
        self._unsent = self._sent.encode(message)
        if not self._is_closed:
            self._send_unsent()

    def try_send(self, message: SentT) -> bool:
        """Send a message of its own, which no other replaces; return False if the child has no room for it now.

        Raises:
            PacketError: the message is larger than a packet may be.
        """
        packet = self._sent.encode(message)
        if self._unsent or self._is_closed:
            return False
        try:
            self._channel.send(packet)
        except OSError:  # no room, or the child has ended
            return False
        return True

    def request_stop(self) -> None:
        """Close our direction of the socket, on which the child ends by itself."""
        with suppress(OSError):  # it has ended already
            self._channel.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """Send SIGKILL, which ends a hung process as well; `on_exit` follows when it has ended."""
        self._process.kill()

    @property
    def _is_closed(self) -> bool:
        return self._channel.fileno() < 0

    def _receive(self) -> bytes | None:
        """Return the next packet; None if there is none now."""
        while not self._is_closed:
            try:
                packet = self._channel.recv(self._received.max_bytes)
            except BlockingIOError:
                if self._process.returncode is not None:  # another process holds the child's end
                    self._close_channel()
                return None
            except ConnectionResetError:
                # The child ended without reading everything. Linux reports it once; what the child sent before is still there.
                continue
            except OSError:
                packet = b""  # the channel is of no use any more: the child's end follows
            if packet:
                return packet
            self._close_channel()
        return None

    def _send_unsent(self) -> None:
        try:
            self._channel.send(self._unsent)
        except BlockingIOError:
            self._loop.watch(self._channel.fileno(), self._on_readable, self._send_unsent)
            return
        except OSError:
            pass  # it has ended, which the next read notices
        self._unsent = b""
        self._loop.watch(self._channel.fileno(), self._on_readable)

    def _close_channel(self) -> None:
        self._loop.unwatch(self._channel.fileno())
        self._channel.close()
        if self._process.returncode is not None:
            self._finish()
        elif self._fault is None:
            self._set_deadline(_END_TIMEOUT_S, self._on_overdue)
        else:  # it was killed
            self._set_deadline(_KILL_TIMEOUT_S, self._finish)

    def _on_process_end(self) -> None:
        self._process.poll()
        self._close_pidfd()
        if self._is_closed:
            self._finish()
        else:
            # It closed its end with its other descriptors, unless another process holds that end as well.
            self._on_readable()

    def _on_overdue(self) -> None:
        self._fault = "closed its socket but did not end"
        self.kill()
        self._set_deadline(_KILL_TIMEOUT_S, self._finish)

    def _set_deadline(self, seconds: float, on_expired: Callable[[], object]) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._loop.call_later(seconds, on_expired)

    def _finish(self) -> None:
        """Report the end, after the messages that are being read."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._close_pidfd()
        code = self._process.poll()
        how = "closed its socket but has not ended" if code is None else child.describe_exit(code)
        reason = self._fault or how
        self._loop.call_soon(lambda: self._on_exit(reason))

    def _close_pidfd(self) -> None:
        if self._pidfd >= 0:
            self._loop.unwatch(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
