"""The supervisor's event loop: descriptors, timers and calls from other threads, processed by one thread.

Everything that a callback does delays everything else, so no callback waits for a disk, a network or a process: see docs/adr/0010-event-loop.md.
"""

import heapq
import itertools
import os
import selectors
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from edged.clock import NS_PER_S, Clock

Callback = Callable[[], object]

_MAX_WAIT_S = 3600.0


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
        self._selector: selectors.BaseSelector | None = None
        self._wake_fd = -1
        self._thread: int | None = None
        self.max_lag_ns = 0
        """Longest time by which a timer was late since this was last set to 0."""

    def __enter__(self) -> Self:
        self._selector = selectors.DefaultSelector()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.get_ident()
        self._selector.register(self._wake_fd, selectors.EVENT_READ, (self._clear_wake, None))
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._selector is not None:
            self._selector.close()
            self._selector = None
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
        assert self._selector is not None, "the loop is not open"  # noqa: S101
        events = (selectors.EVENT_READ if on_readable else 0) | (
            selectors.EVENT_WRITE if on_writable else 0
        )
        if not events:
            self.unwatch(fd)
        elif fd in self._selector.get_map():
            self._selector.modify(fd, events, (on_readable, on_writable))
        else:
            self._selector.register(fd, events, (on_readable, on_writable))

    def unwatch(self, fd: int) -> None:
        """Stop to watch a descriptor; call it before the descriptor is closed."""
        if self._selector is not None:
            with suppress(KeyError, ValueError):
                self._selector.unregister(fd)

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

    @property
    def has_calls(self) -> bool:
        """Whether calls wait that `call_soon` was asked for."""
        return bool(self._calls)

    def run_once(self, max_wait_s: float = _MAX_WAIT_S) -> None:
        """Wait until something is ready or due, at most `max_wait_s` seconds, and process it."""
        assert self._selector is not None, "the loop is not open"  # noqa: S101
        for key, events in self._selector.select(self._compute_wait_s(max_wait_s)):
            on_readable, on_writable = key.data
            if events & selectors.EVENT_READ and on_readable is not None:
                on_readable()
            # An earlier callback of this pass may have stopped the watch.
            if (
                events & selectors.EVENT_WRITE
                and on_writable is not None
                and key.fd in self._selector.get_map()
            ):
                on_writable()
        for _ in range(len(self._calls)):
            self._calls.popleft()()
        self._run_due_timers()

    def _compute_wait_s(self, max_wait_s: float) -> float:
        if self._calls:
            return 0.0
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return max_wait_s
        due_in_ns = self._timers[0][0] - self._clock.monotonic_ns()
        return min(max(due_in_ns / NS_PER_S, 0.0), max_wait_s)

    def _run_due_timers(self) -> None:
        if not self._timers:
            return
        now_ns = self._clock.monotonic_ns()
        while self._timers and self._timers[0][0] <= now_ns:
            due_ns, _, timer = heapq.heappop(self._timers)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                self.max_lag_ns = max(self.max_lag_ns, now_ns - due_ns)
                callback()

    def _clear_wake(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)
