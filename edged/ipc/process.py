"""The parent's handle on a child process for a thread that may wait: its packets and its end."""

import os
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Generic, Self, TypeVar

from edged.errors import PacketError
from edged.ipc.child import describe_exit, spawn_with_packet
from edged.ipc.packets import PacketCodec

SentT = TypeVar("SentT")
ReceivedT = TypeVar("ReceivedT")
ResultT = TypeVar("ResultT")

_REAP_TIMEOUT_S = 2.0
_KILL_TIMEOUT_S = 5.0
"""After SIGKILL. A process that is stuck in a driver can outlive it, and is then left behind."""


class ChildProcess(Generic[SentT, ReceivedT]):
    """A child process and our end of its socket.

    The child dies with the thread that started it, and that thread uses it. `edged.ipc.watched_child` is the form for an event loop.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        channel: socket.socket,
        *,
        sent: PacketCodec[SentT],
        received: PacketCodec[ReceivedT],
    ) -> None:
        """Take over what `start` started.

        Args:
            process: the child.
            channel: our end of the socket pair.
            sent: codec of the messages to the child.
            received: codec of the messages from the child.
        """
        self._process = process
        self._channel = channel
        self._sent = sent
        self._received = received

    @classmethod
    def start(
        cls,
        module: str,
        *,
        sent: PacketCodec[SentT],
        received: PacketCodec[ReceivedT],
        first_message: SentT | None = None,
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Start ``python -m module FD``.

        Args:
            module: the child's module.
            sent: codec of the messages to the child.
            received: codec of the messages from the child.
            first_message: sent at once; None if the child gets none.
            pass_fds: further descriptors that the child inherits, under the same numbers.
            environment: variables that replace or extend ours.

        Raises:
            WorkerError: no process can be started.
            PacketError: the first message is larger than a packet may be; no process was started.
        """
        packet = None if first_message is None else sent.encode(first_message)
        process, channel = spawn_with_packet(
            module, packet, pass_fds=pass_fds, environment=environment
        )
        return cls(process, channel, sent=sent, received=received)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def send(self, message: SentT) -> None:
        """Send a message; a child that has ended misses it, which `receive` notices.

        Raises:
            PacketError: the message is larger than a packet may be.
        """
        packet = self._sent.encode(message)
        with suppress(OSError):
            self._channel.send(packet)

    def receive(self, timeout_s: float | None) -> ReceivedT | None:
        """Wait for the next message; return it, or None once the child has closed its end.

        Raises:
            TimeoutError: no message came within `timeout_s` seconds; None waits without limit.
            PacketError: the child sent an invalid message.
        """
        packet = self._call_receive(lambda: self._channel.recv(self._received.max_bytes), timeout_s)
        return self._received.decode(packet) if packet else None

    def receive_with_descriptors(self, timeout_s: float) -> tuple[ReceivedT | None, list[int]]:
        """Do what `receive` does for a child that sends file descriptors; return those that came with the message as well.

        Raises:
            TimeoutError: no message came within `timeout_s` seconds.
            PacketError: the child sent an invalid message.
        """
        packet, descriptors, _, _ = self._call_receive(
            lambda: socket.recv_fds(self._channel, self._received.max_bytes, 1), timeout_s
        )
        try:
            return (self._received.decode(packet) if packet else None), descriptors
        except PacketError:
            for descriptor in descriptors:
                os.close(descriptor)
            raise

    def request_stop(self) -> None:
        """Close our direction of the socket, on which the child ends by itself."""
        with suppress(OSError):  # it has ended already
            self._channel.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """Send SIGKILL, which ends a hung process as well."""
        self._process.kill()

    def join(self, timeout_s: float = _REAP_TIMEOUT_S) -> bool:
        """Reap the child; return whether it has ended within `timeout_s` seconds."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, grace_s: float = 0.0) -> str:
        """Close the socket, wait `grace_s` seconds for the child to end, then kill it; return how it ended."""
        self._channel.close()
        if not self.join(grace_s):
            self.kill()
            self.join(_KILL_TIMEOUT_S)
        return self.describe_exit()

    @property
    def exit_code(self) -> int | None:
        """The child's exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def describe_exit(self) -> str:
        """Return how the child ended: ``was killed by SIGSEGV``."""
        code = self.exit_code
        return "closed its socket but has not ended" if code is None else describe_exit(code)

    def _call_receive(self, call: Callable[[], ResultT], timeout_s: float | None) -> ResultT:
        self._channel.settimeout(timeout_s)
        try:
            return call()
        except ConnectionResetError:
            # The child ended without reading everything. Linux reports it once; what the child sent before is still there.
            return call()
        except BlockingIOError:  # the timeout is 0
            raise TimeoutError from None
