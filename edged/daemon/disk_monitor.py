"""The disks that the daemon waits for: how long each has been silent, and the space in the state directory."""

from collections.abc import Mapping
from pathlib import Path

from edged.clock import Clock, Deadline
from edged.disk_thread import DiskQueue
from edged.health import ConditionKind, ConditionReporter
from edged.host.board import Board

SILENT_S = 10.0
"""An SD card that collects garbage is silent for some seconds."""
_OBSTACLE_S = 2.0
"""Longer than a sound disk takes for one job."""
_SAMPLE_INTERVAL_S = 2.0
_MIN_FREE_MB = 1.0
"""With less space than this nothing can be written."""


class DiskMonitor:
    """Asks for the space of the state directory without a wait, and looks at how long the disks' queues have waited."""

    def __init__(
        self,
        queues: Mapping[str, DiskQueue],
        *,
        state_dir: Path,
        board: Board,
        conditions: ConditionReporter,
        clock: Clock,
    ) -> None:
        """Ask for nothing yet.

        Args:
            queues: the queues of the daemon's disks, by the name that `up/health` gives; "space" is used here.
            state_dir: the folder whose space is reported.
            board: reads the space.
            conditions: the active conditions.
            clock: the clock of the interval.
        """
        self._queues = queues
        self._state_dir = state_dir
        self._board = board
        self._conditions = conditions
        self._clock = clock
        self._sample_due = Deadline(clock, 0.0)
        self._is_sampling = False
        self.space_mb: tuple[float, float] | None = None
        """Size of the state directory's file system, and the space that this user can still write, in MiB; None if unknown."""

    def tick(self) -> None:
        """Ask for what is due, and set or clear the condition of a silent disk."""
        if not self._is_sampling and self._sample_due.expired:
            self._is_sampling = True
            self._sample_due = Deadline(self._clock, _SAMPLE_INTERVAL_S)
            self._queues["space"].submit(
                lambda: self._board.read_disk_mb(self._state_dir), self._on_space
            )
        silent = self._find_silent(SILENT_S)
        reason = silent and (
            f"a disk has not answered for more than {SILENT_S:g} s (waiting: {silent}): it is worn out, or its connection is lost"
        )
        self._conditions.set(ConditionKind.DISK_SILENT, reason)

    @property
    def silent_s(self) -> dict[str, float]:
        """Seconds for which each disk's queue has waited for its present job; 0 if it has none."""
        return {name: round(queue.silent_s, 1) for name, queue in self._queues.items()}

    @property
    def obstacle(self) -> str | None:
        """What keeps this device from working as usual, whatever the model is, in words; None if nothing does."""
        if silent := self._find_silent(_OBSTACLE_S):
            return f"a disk does not answer (waiting: {silent})"
        if self.space_mb is not None and self.space_mb[1] < _MIN_FREE_MB:
            return f"the disk that holds {self._state_dir} is full"
        return None

    def _find_silent(self, limit_s: float) -> str | None:
        names = [name for name, queue in self._queues.items() if queue.silent_s > limit_s]
        return ", ".join(names) or None

    def _on_space(self, space_mb: tuple[float, float] | None) -> None:
        self._is_sampling = False
        self.space_mb = space_mb
