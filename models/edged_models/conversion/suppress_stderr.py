"""Suppression of messages that native libraries write to standard error."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2


@contextmanager
def suppress_stderr() -> Iterator[None]:
    """Discard standard error in the block, also of native code; exceptions still leave the block."""
    saved = os.dup(_STDERR)
    with open(os.devnull, "wb") as devnull:  # noqa: PTH123  # the descriptor is needed
        os.dup2(devnull.fileno(), _STDERR)
    try:
        yield
    finally:
        os.dup2(saved, _STDERR)
        os.close(saved)
