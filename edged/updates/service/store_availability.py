"""Keeps the model store open: takes its lock, opens it, and notes why it is closed."""

from edged.errors import StoreError
from edged.updates.service.repository import ModelRepository
from edged.updates.store.lock import StoreLock


class StoreAvailability:
    """The store of a repository: open, or to be opened again.

    Args:
        repository: the ledger and versions of the store.
        lock: the lock of the store; held from the first successful `open` on.
        boot_id: id of this boot of the host.
    """

    def __init__(self, repository: ModelRepository, *, lock: StoreLock, boot_id: str) -> None:
        self._repository = repository
        self._lock = lock
        self._boot_id = boot_id
        self._is_start_recorded = False
        self.problem: str | None = "it was not opened yet"
        """Why the store cannot be used, in words; None if it can."""

    @property
    def is_open(self) -> bool:
        """True while the store can be used."""
        return self.problem is None

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
        self._is_start_recorded = True
        self.problem = None
        return True

    def close(self, error: StoreError) -> None:
        """Regard the store as closed because of this error, until it is opened again."""
        self.problem = f"{error}; updates wait until the model store can be used"
