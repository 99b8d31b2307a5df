"""Which workers have got their model running, or have failed to."""

import logging

from edged.logs import journal_fields
from edged.vision.messages import ModelReady

_log = logging.getLogger(__name__)


class SettledWorkers:
    """The workers by number, and the model that each runs."""

    def __init__(self) -> None:
        """Begin without any."""
        self._ready: dict[int, ModelReady] = {}
        self._settled: set[int] = set()

    def __len__(self) -> int:
        """Return how many have either got their model running or failed to."""
        return len(self._settled)

    def is_running(self, worker: int) -> bool:
        """Return whether a worker runs its model."""
        return worker in self._ready

    @property
    def model_info(self) -> ModelReady | None:
        """A worker's description of its model and runtime; None if none runs."""
        return next(iter(self._ready.values()), None)

    def on_ready(self, worker: int, ready: ModelReady) -> None:
        """Note that a worker runs this model."""
        self._settled.add(worker)
        self._ready[worker] = ready
        _log.info(
            "worker %d runs %s (%s, %s%s)%s",
            *(worker, ready.model_name, ready.family, ready.runtime),
            f" on {ready.delegate}" if ready.delegate else "",
            f"; the switch took {ready.gap_ns / 1e6:.1f} ms" if ready.gap_ns else "",
            extra=journal_fields(worker=worker, model=ready.model_name),
        )

    def on_lost(self, worker: int) -> None:
        """Note that a worker has failed."""
        self._settled.add(worker)
        self._ready.pop(worker, None)

    def forget(self, worker: int) -> None:
        """Take a worker out, because another process or none has its number."""
        self._settled.discard(worker)
        self._ready.pop(worker, None)
