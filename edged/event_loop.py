"""The supervisor's event loop: descriptors, timers and calls from other threads, processed by one thread.

Everything that a callback does delays everything else, so no callback waits for a disk, a network or a process: see docs/adr/0010-event-loop.md.
"""

import heapq
import itertools
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from edged.clock import NS_PER_S, Clock

Callback = Callable[[], object]

_MAX_WAIT_S = 3600.0
_MAX_EVENTS = 64
"""Descriptors served in one pass; the kernel reports the others in the next one."""
_READABLE = ~select.EPOLLOUT
_WRITABLE = ~select.EPOLLIN
"""An error or the end of a connection is reported to both callbacks: what they call then fails, and tells why."""


class Timer:
    """A call at a time; made by `EventLoop.call_at`."""

    __slots__ = ("callback", "due_ns")

    def __init__(self, due_ns: int, callback: Callback) -> None:
        self.due_ns = due_ns
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """Do not make the call; does nothing if it was made."""
        self.callback = None


class EventLoop:
    """Calls back when descriptors are ready, when times have come, and when another thread asks for it.

    Only `call_soon` may be called from other threads and from signal handlers. Use it as a context manager: it owns two descriptors.
    """

    def __init__(self, clock: Clock) -> None:
        """Open nothing yet.

        Args:
            clock: the clock of the timers.
        """
        self._clock = clock
        self._calls: deque[Callback] = deque()
        self._timers: list[tuple[int, int, Timer]] = []
        self._timer_numbers = itertools.count()
        self._watches: dict[int, tuple[Callback | None, Callback | None]] = {}
        self._epoll: select.epoll | None = None
        self._wake_fd = -1
        self._thread: int | None = None
        self.max_lag_ns = 0
        """Longest time by which a timer was late since this was last set to 0."""
        self.max_call_ns = 0
        """Longest time that one callback took since this was last set to 0."""

    def __enter__(self) -> Self:
        self._epoll = select.epoll()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.get_ident()
        self.watch(self._wake_fd, self._clear_wake)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None
        self._watches.clear()
        wake_fd, self._wake_fd = self._wake_fd, -1
        os.close(wake_fd)

    def watch(
        self, fd: int, on_readable: Callback | None, on_writable: Callback | None = None
    ) -> None:
        """Call back whenever a descriptor is ready, from now on and until `unwatch`; replaces earlier callbacks.

        Args:
            fd: the descriptor, not blocking.
            on_readable: called while there is something to read, or the other end has closed.
            on_writable: called while there is room to write; None if nothing waits to be written.
        """
        assert self._epoll is not None, "the loop is not open"  # noqa: S101
        events = (select.EPOLLIN if on_readable else 0) | (select.EPOLLOUT if on_writable else 0)
        if not events:
            self.unwatch(fd)
            return
        if fd in self._watches:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._watches[fd] = (on_readable, on_writable)

    def unwatch(self, fd: int) -> None:
        """Stop to watch a descriptor; call it before the descriptor is closed."""
        if self._watches.pop(fd, None) is not None and self._epoll is not None:
            with suppress(OSError):  # it was closed before, against the rule
                self._epoll.unregister(fd)

    def call_soon(self, callback: Callback) -> None:
        """Make a call in the loop's thread, after what is being processed; callable from any thread and from a signal handler."""
        self._calls.append(callback)
        if threading.get_ident() != self._thread or len(self._calls) == 1:
            with suppress(OSError, ValueError):  # the loop is closed
                os.eventfd_write(self._wake_fd, 1)

    def call_at(self, due_ns: int, callback: Callback) -> Timer:
        """Make a call once the clock's monotonic time has reached `due_ns`."""
        timer = Timer(due_ns, callback)
        heapq.heappush(self._timers, (due_ns, next(self._timer_numbers), timer))
        return timer

    def call_later(self, seconds: float, callback: Callback) -> Timer:
        """Make a call in `seconds`."""
        return self.call_at(self._clock.monotonic_ns() + int(seconds * NS_PER_S), callback)

    def run_once(self, max_wait_s: float = _MAX_WAIT_S) -> None:
        """Wait until something is ready or due, at most `max_wait_s` seconds, and process it: descriptors, then calls, then timers."""
        assert self._epoll is not None, "the loop is not open"  # noqa: S101
        ready = self._epoll.poll(self._compute_wait_s(max_wait_s), _MAX_EVENTS)
        if not ready:
            # A wait that was stopped beyond its end (SIGSTOP) ends without a look at what has arrived; timers must not be the first to act.
            ready = self._epoll.poll(0, _MAX_EVENTS)
        began_ns = self._clock.monotonic_ns()
        for fd, events in ready:
            if events & _READABLE:
                began_ns = self._call(self._watches.get(fd, _NOT_WATCHED)[0], began_ns)
            # Looked up again: an earlier callback of this pass may have stopped the watch.
            if events & _WRITABLE:
                began_ns = self._call(self._watches.get(fd, _NOT_WATCHED)[1], began_ns)
        for _ in range(len(self._calls)):
            began_ns = self._call(self._calls.popleft(), began_ns)
        self._run_due_timers(began_ns)

    def _call(self, callback: Callback | None, began_ns: int) -> int:
        """Make a call that begins at `began_ns`; return when it ended."""
        if callback is None:
            return began_ns
        callback()
        ended_ns = self._clock.monotonic_ns()
        if ended_ns - began_ns > self.max_call_ns:  # noqa: PLR1730 (called for each packet, and this is faster)
            self.max_call_ns = ended_ns - began_ns
        return ended_ns

    def _compute_wait_s(self, max_wait_s: float) -> float:
        if self._calls:
            return 0.0
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return max_wait_s
        due_in_ns = self._timers[0][0] - self._clock.monotonic_ns()
        return min(max(due_in_ns / NS_PER_S, 0.0), max_wait_s)

    def _run_due_timers(self, now_ns: int) -> None:
        began_ns = now_ns
        while self._timers and self._timers[0][0] <= now_ns:
            due_ns, _, timer = heapq.heappop(self._timers)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                self.max_lag_ns = max(self.max_lag_ns, began_ns - due_ns)
                began_ns = self._call(callback, began_ns)

    def _clear_wake(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)


_NOT_WATCHED: tuple[Callback | None, Callback | None] = (None, None)
