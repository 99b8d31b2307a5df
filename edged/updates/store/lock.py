"""The lock of the model store: one process owns the store, together with the children to which it hands the lock."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from edged.errors import StoreError
from edged.host.files import to_store_error

LOCK_NAME = "lock"


class StoreLock:
    """A `flock` on a file in the store, as a context manager or through `acquire` and `release`.

    A child holds it too if it inherits the descriptor (``pass_fds``). The lock is free when the last process that holds the descriptor has
    closed it. A user who may not read the file cannot lock it either.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / LOCK_NAME
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """The descriptor of the held lock, for a child to inherit.

        Raises:
            StoreError: the lock is not held.
        """
        if self._descriptor is None:
            raise StoreError(f"the lock {self._path} is not held")
        return self._descriptor

    def acquire(self) -> None:
        """Lock the store without waiting; its folder is made if it is missing.

        Raises:
            StoreError: another process holds the lock, or the file cannot be made.
        """
        if self._descriptor is not None:
            return
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise StoreError(
                    f"{self._path.parent} is in use by another process of edged"
                ) from error
            raise to_store_error(error, "lock", self._path) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Release the lock; children that inherited it still hold it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _open(self) -> int:
        flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._path.parent.mkdir(exist_ok=True)
            return os.open(self._path, flags, 0o600)
        except OSError as error:
            raise to_store_error(error, "open", self._path) from error
