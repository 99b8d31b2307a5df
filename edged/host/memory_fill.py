"""Fills the memory that the C library hands out, so that a library which reads memory that nothing has written shows it."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_PERTURB = -6
"""`M_PERTURB` of glibc's mallopt(3): new memory is filled with the complement of a byte, freed memory with the byte itself."""
FILL_BYTE = 0x7F
"""Gives 3.4e38 as float32, NaN as float16, and 127 as int8."""


@contextmanager
def filled_memory() -> Iterator[None]:
    """Fill new memory with `FILL_BYTE` while the context lasts; without effect where the C library cannot do it."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        yield
        return
    set_option(_PERTURB, FILL_BYTE ^ 0xFF)
    try:
        yield
    finally:
        set_option(_PERTURB, 0)
