"""One process has the model store, with the children that it lets carry on for it."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from edged.errors import StoreError
from edged.host.files import to_store_error

LOCK_NAME = "lock"


class StoreLock:
    """A `flock` on a file in the store; it is free again when the last process that holds its descriptor has ended or let go of it.

    Who may not read the file cannot keep it from its owner either.

    Used as a context, or by `acquire` and `release`. A child keeps it too if it is given the descriptor (``pass_fds``).
    """

    def __init__(self, root: Path) -> None:
        self._path = root / LOCK_NAME
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """To be handed to a child, while the lock is held."""
        if self._descriptor is None:
            raise StoreError(f"{self._path} is not held")
        return self._descriptor

    def acquire(self) -> None:
        """Take it, without waiting; the store's folder is made if it is not there.

        Raises:
            StoreError: another has it, or the file cannot be made.
        """
        if self._descriptor is not None:
            return
        try:
            self._path.parent.mkdir(exist_ok=True)
            descriptor = os.open(
                self._path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise to_store_error(error, "open", self._path) from error
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
        """Let go of it; children that were given it hold it on."""
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
