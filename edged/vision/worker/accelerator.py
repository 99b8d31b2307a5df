"""A thread that invokes, so that the next frame is prepared while an accelerator works.

It has at most one invocation that runs and one that waits: the accelerator goes on without a pause, and no prepared frame grows old. An `Interpreter` runs one
invocation at a time (the API of TensorFlow Lite has no more), so more in flight would only wait.
"""

import threading
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from edged.clock import Clock
from edged.errors import EdgedError, InvokeError
from edged.vision.worker.loading import LoadedModel
from edged.vision.worker.stage_results import EncodedFrame, Invocation
from edged.vision.worker.stages import Invoker


class InvocationOutcome(Struct, frozen=True, gc=False):
    """What became of one submitted input.

    Attributes:
        invocation: the outputs; None if the interpreter failed.
        error: why it failed; None if it did not.
    """

    invocation: Invocation | None
    error: EdgedError | None


class AcceleratorThread:
    """Invokes what one other thread submits, in order."""

    def __init__(self, clock: Clock, *, on_finished: Callable[[], None]) -> None:
        """Start nothing yet: the first `submit` does.

        Args:
            clock: the clock of durations.
            on_finished: called from the thread after each invocation.
        """
        self._clock = clock
        self._on_finished = on_finished
        self._submitted = threading.Semaphore(0)
        self._waiting: deque[tuple[LoadedModel, EncodedFrame] | None] = deque()
        self._finished: deque[InvocationOutcome] = deque()
        self._thread: threading.Thread | None = None
        self.invoked_ns = 0
        """When the newest invocation began, monotonic."""

    @property
    def has_outcome(self) -> bool:
        """True if an outcome can be taken."""
        return bool(self._finished)

    def submit(self, loaded_model: LoadedModel, encoded: EncodedFrame) -> None:
        """Invoke a model on its input once the invocations before it are over."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="accelerator", daemon=True)
            self._thread.start()
        self._waiting.append((loaded_model, encoded))
        self._submitted.release()

    def take_outcome(self) -> InvocationOutcome:
        """Take the oldest outcome; there must be one."""
        return self._finished.popleft()

    def close(self, timeout_s: float) -> bool:
        """End the thread; return False if it is still in the interpreter after `timeout_s` seconds."""
        if self._thread is None:
            return True
        self._waiting.clear()
        self._waiting.append(None)
        self._submitted.release()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        invoker = Invoker(self._clock)
        while True:
            self._submitted.acquire()
            if not self._waiting:
                continue  # it was withdrawn
            submitted = self._waiting.popleft()
            if submitted is None:
                return
            self.invoked_ns = self._clock.monotonic_ns()
            self._finished.append(_invoke(invoker, *submitted))
            self._on_finished()


def _invoke(
    invoker: Invoker, loaded_model: LoadedModel, encoded: EncodedFrame
) -> InvocationOutcome:
    try:
        return InvocationOutcome(invoker.invoke(loaded_model, encoded), None)
    except EdgedError as error:
        return InvocationOutcome(None, error)
    except Exception as error:  # noqa: BLE001 - the thread that submitted it must get an outcome
        return InvocationOutcome(None, InvokeError(f"the interpreter failed: {error!r}"))
