"""A child process that gets a stream of messages, each of which counts."""

from collections.abc import Callable
from itertools import count

from edged.ipc.watched_child import ReceivedT, SentT, WatchedChild

_MAX_PENDING_BYTES = 4_000_000
"""More than all retained messages and a picture; a child that leaves so much unread does not work any more."""


class StreamingChild(WatchedChild[SentT, ReceivedT]):
    """A watched child whose messages wait in order while its socket has no room. One that stops to read is killed."""

    def watch(self, on_readable: Callable[[], object], on_exit: Callable[[str], object]) -> None:
        """Call back from now on, as `WatchedChild.watch` does."""
        self._pending: dict[str, bytes] = {}
        self._numbers = count()
        super().watch(on_readable, on_exit)

    def send(self, message: SentT, *, replaces: str | None = None) -> None:
        """Send a message after those that wait.

        Args:
            message: the message.
            replaces: name of a stream of which only the newest message counts; a waiting one is replaced. None for a message that counts by itself.

        Raises:
            PacketError: the message is larger than a packet may be.
        """
        if self._is_closed:
            return
        self._pending[replaces or f"#{next(self._numbers)}"] = self._sent.encode(message)
        if len(self._pending) == 1:
            self._send_unsent()
        elif sum(map(len, self._pending.values())) > _MAX_PENDING_BYTES:
            self._fault = "does not read what it is sent"
            self._pending.clear()
            self.kill()

    def _send_unsent(self) -> None:
        while self._pending:
            name = next(iter(self._pending))
            try:
                self._channel.send(self._pending[name])
            except BlockingIOError:
                self._loop.watch(self._channel.fileno(), self._on_readable, self._send_unsent)
                return
            except OSError:  # it has ended, which the next read notices
                self._pending.clear()
                break
            del self._pending[name]
        self._loop.watch(self._channel.fileno(), self._on_readable)
