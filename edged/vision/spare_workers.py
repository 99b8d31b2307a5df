"""Worker processes that are started before their jobs are known: they import what they need while the supervisor does."""

from collections import deque
from contextlib import suppress

from edged.errors import WorkerError
from edged.ipc.child import SpawnedChild, spawn_with_packet

WORKER_MODULE = "edged.vision.worker"


class SpareWorkers:
    """Processes that wait for a job, each for one worker's first run."""

    def __init__(self) -> None:
        """Start none yet."""
        self._spares: deque[SpawnedChild] = deque()

    def provide(self, count: int) -> None:
        """Have so many: start those that are missing, and kill those that are too many.

        What cannot be started now, the pool tries again and reports.
        """
        while len(self._spares) > count:
            _kill(self._spares.pop())
        with suppress(WorkerError):
            while len(self._spares) < count:
                self._spares.append(spawn_with_packet(WORKER_MODULE, None))

    def take(self) -> SpawnedChild | None:
        """Return a process that has no job; None if there is none left."""
        return self._spares.popleft() if self._spares else None

    def close(self) -> None:
        """Kill those that got no job."""
        self.provide(0)


def _kill(spare: SpawnedChild) -> None:
    process, channel = spare
    process.kill()
    process.wait()
    channel.close()
