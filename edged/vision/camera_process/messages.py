"""What a camera's own process and the capture thread say to each other: every message is declared here.

They cross a SOCK_SEQPACKET socket pair, one JSON message a packet; pixels cross in one piece of shared memory, which holds one
frame. The child owns that memory until it has sent an `FrameArrived`, the parent from then until it sends `NEXT`: so neither ever
sees the other write, and a child whose parent is slow overwrites nothing but its own newest frame.
"""

import fcntl
import mmap
import os
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from edged.interfaces import CameraInfo
from edged.types import PixelFormat

MAX_PACKET_BYTES = 65_536
NEXT = b"n"
"""Parent to child: the memory is yours, send the next frame."""


class OpenCamera(Struct, frozen=True, kw_only=True, tag="open"):
    """Parent to child, once, at its start."""

    name: str
    source: str
    driver_settings: msgspec.Raw
    """The driver's `Settings`, as JSON."""
    log_level: str = "info"


class CameraOpened(Struct, frozen=True, kw_only=True, tag="opened"):
    """Child to parent: the driver has its device."""

    info: CameraInfo


class FrameArrived(Struct, frozen=True, kw_only=True, tag="frame"):
    """Child to parent: a frame lies in the memory; a packet that carries a file descriptor announces a new memory.

    Fields as in `edged.types.Frame`; `shape` is that of the pixels. `seq` counts from the child's start.
    """

    seq: Annotated[int, Meta(ge=0)]
    captured_ns: int
    received_ns: int
    format: PixelFormat
    width: Annotated[int, Meta(gt=0)]
    height: Annotated[int, Meta(gt=0)]
    shape: Annotated[tuple[Annotated[int, Meta(gt=0)], ...], Meta(min_length=2, max_length=3)]


class CameraFailed(Struct, frozen=True, kw_only=True, tag="failed"):
    """Child to parent, its last message: the camera is lost, or has ended."""

    is_end_of_stream: bool
    reason: str


FromChild = CameraOpened | FrameArrived | CameraFailed
_decoder: msgspec.json.Decoder[FromChild] = msgspec.json.Decoder(FromChild)


def unpack(packet: bytes) -> FromChild:
    """Read one message of the child's.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _decoder.decode(packet)


class SharedFrameBuffer:
    """Anonymous memory that two processes map; it has no name that could be left behind."""

    def __init__(self, fd: int, *, writable: bool) -> None:
        """Map all of `fd`, which is then owned by this object."""
        self.fd = fd
        self.size = os.fstat(fd).st_size
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        self.map = mmap.mmap(fd, self.size, access=access)

    @classmethod
    def create(cls, size: int) -> "SharedFrameBuffer":
        """New memory of `size` bytes, which nobody can shrink: a reader of lost pages would die."""
        fd = os.memfd_create("edged-frame", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, size)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        return cls(fd, writable=True)

    def close(self) -> None:
        """Unmap it."""
        self.map.close()
        os.close(self.fd)
