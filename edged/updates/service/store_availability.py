"""Keeps the model store open: takes its lock, opens it, and tries again when another process or a failing disk prevents that."""

from edged.clock import NS_PER_S, Clock
from edged.errors import StoreError
from edged.health import ConditionKind, ConditionReporter
from edged.updates.service.repository import ModelRepository
from edged.updates.store.lock import StoreLock

RETRY_S = 5.0


class StoreAvailability:
    """The store of a repository: open, or to be opened again.

    Args:
        repository: the ledger and versions of the store.
        lock: the lock of the store; held from the first successful `open` on.
        boot_id: id of this boot of the host.
        conditions: reports the condition ``update``.
        clock: the clock of pauses.
    """

    def __init__(
        self,
        repository: ModelRepository,
        *,
        lock: StoreLock,
        boot_id: str,
        conditions: ConditionReporter,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._lock = lock
        self._boot_id = boot_id
        self._conditions = conditions
        self._clock = clock
        self._is_open = self._is_start_recorded = False
        self._retry_due_ns = 0

    @property
    def is_open(self) -> bool:
        """True while the store can be used."""
        return self._is_open

    @property
    def is_retry_due(self) -> bool:
        """True if the store is closed, and is to be opened now."""
        return not self._is_open and self._clock.monotonic_ns() >= self._retry_due_ns

    def open(self) -> bool:
        """Lock and open the store, and record the start of the daemon once; return whether that succeeded."""
        try:
            self._lock.acquire()
            self._repository.open()
            if not self._is_start_recorded:
                self._repository.record_start(self._boot_id)
        except StoreError as error:
            self.close(error)
            return False
        self._is_open = self._is_start_recorded = True
        self._conditions.set(ConditionKind.UPDATE, None)
        return True

    def close(self, error: StoreError) -> None:
        """Regard the store as closed because of this error, and open it again after a pause."""
        self._is_open = False
        self._retry_due_ns = self._clock.monotonic_ns() + int(RETRY_S * NS_PER_S)
        self._conditions.set(
            ConditionKind.UPDATE, f"{error}; updates wait until the model store can be used"
        )
