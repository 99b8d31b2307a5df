"""An event loop that runs in a thread, beside a test that waits for what it does."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self, TypeVar

from edged.clock import SystemClock
from edged.event_loop import EventLoop

_MAX_WAIT_S = 20.0

ResultT = TypeVar("ResultT")


class LoopThread:
    """Runs the loop from entering to leaving."""

    def __init__(self) -> None:
        self.loop = EventLoop(SystemClock())
        self._ready = threading.Event()
        self._is_ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_MAX_WAIT_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.call(self._end)
        self._thread.join(_MAX_WAIT_S)
        assert not self._thread.is_alive()

    def call(self, call: Callable[[], ResultT]) -> ResultT:
        """Make a call in the loop's thread, and return its result."""
        done: Future[ResultT] = Future()

        def run() -> None:
            try:
                done.set_result(call())
            except BaseException as error:  # noqa: BLE001 - the test gets it
                done.set_exception(error)

        self.loop.call_soon(run)
        return done.result(_MAX_WAIT_S)

    def _run(self) -> None:
        with self.loop:
            self._ready.set()
            while not self._is_ended:
                self.loop.run_once()

    def _end(self) -> None:
        self._is_ended = True
