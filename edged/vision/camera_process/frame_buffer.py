"""The shared memory in which a camera's own process hands over its frames."""

import fcntl
import mmap
import os


class SharedFrameBuffer:
    """Anonymous memory that two processes map; it has no name, so none can be left behind."""

    def __init__(self, fd: int, *, writable: bool) -> None:
        """Map all of `fd`, which this object owns from now on."""
        self.fd = fd
        self.size = os.fstat(fd).st_size
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        self.map = mmap.mmap(fd, self.size, access=access)

    @classmethod
    def create(cls, size: int) -> "SharedFrameBuffer":
        """Make memory of `size` bytes that cannot be shrunk: a reader of lost pages would be killed."""
        fd = os.memfd_create("edged-frame", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, size)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        return cls(fd, writable=True)

    def close(self) -> None:
        """Unmap the memory."""
        self.map.close()
        os.close(self.fd)
