"""Memory that was freed and that the C library keeps."""

import ctypes


def free_unused_memory() -> None:
    """Give memory that is free back to the kernel: glibc keeps what lies below a block in use, which after the loading of a model is some MiB.

    Other C libraries have no such function, and nothing happens.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
