"""Signals to the daemon, caught from its first moment: until its parts are imported and made, seconds pass on a Pi."""

import signal
from collections import deque
from collections.abc import Callable
from types import FrameType

_CAUGHT = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class SignalCatcher:
    """Keeps the signals that arrive until the supervisor takes them."""

    def __init__(self) -> None:
        """Catch nothing yet."""
        self._pending: deque[int] = deque()
        self._handle: Callable[[int], None] = self._pending.append

    @property
    def is_stop_requested(self) -> bool:
        """True if a signal that ends the daemon has arrived and was not handed on."""
        return any(number != signal.SIGHUP for number in self._pending)

    def catch(self) -> None:
        """Catch SIGTERM, SIGINT and SIGHUP from now on, instead of being ended by them."""
        for number in _CAUGHT:
            signal.signal(number, self._on_signal)

    def hand_on(self, handle: Callable[[int], None]) -> None:
        """Hand every signal to `handle` from now on, first those that have arrived; a signal handler calls it."""
        self._handle = handle
        while self._pending:
            handle(self._pending.popleft())

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._handle(number)
