"""Silence for libraries that write to standard error past Python."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2


@contextmanager
def suppress_stderr() -> Iterator[None]:
    """What native code writes to standard error in the block is dropped; failures still raise."""
    kept = os.dup(_STDERR)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  # the descriptor is what is wanted
        os.dup2(nowhere.fileno(), _STDERR)
    try:
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
