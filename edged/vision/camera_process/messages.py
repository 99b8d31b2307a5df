"""The messages of a camera's own process and the capture thread: every one is declared here.

Pixels cross in one piece of shared memory (`edged.vision.camera_process.frame_buffer`), which holds one frame. The child owns that memory until
it has sent a `FrameArrived`, the parent from then until it sends `NextFrame`: so neither ever sees the other write, and a child whose parent is
slow overwrites nothing but its own newest frame.
"""

from typing import Annotated

from msgspec import Meta, Raw, Struct

from edged.interfaces import CameraInfo
from edged.ipc.packets import PacketCodec
from edged.types import ColourSpace, PixelFormat

MAX_PACKET_BYTES = 65_536


class OpenCamera(Struct, frozen=True, kw_only=True, tag="open"):
    """Parent to child, its first message: the camera to open.

    Attributes:
        name: the camera's name in the configuration.
        source: its driver's name in the registry.
        driver_settings: the driver's `Settings`, as JSON.
        resume_at: number of the picture at which a recording goes on.
        log_level: lowest level that the child logs.
    """

    name: str
    source: str
    driver_settings: Raw
    resume_at: Annotated[int, Meta(ge=0)] = 0
    log_level: str = "info"


class NextFrame(Struct, frozen=True, kw_only=True, tag="next"):
    """Parent to child: the memory is the child's again, and the next frame is wanted.

    Attributes:
        log_level: lowest level that the child logs from now on.
        needed_size: least width and height of the pixels of frames from now on; None: full size.
    """

    log_level: str
    needed_size: tuple[int, int] | None = None


class CameraOpened(Struct, frozen=True, kw_only=True, tag="opened"):
    """Child to parent: the driver has opened its device."""

    info: CameraInfo


class FrameArrived(Struct, frozen=True, kw_only=True, tag="frame"):
    """Child to parent: a frame is in the memory; a file descriptor that comes with it is a new memory.

    Attributes:
        seq: number of the frame, counted from the child's start.
        captured_ns: `captured_ns` of the frame.
        received_ns: `received_ns` of the frame.
        format: layout of the pixels.
        width: width of the frame, pixels.
        height: height of the frame, pixels.
        shape: shape of the array of pixels.
        colour: what the planes of YUV420P mean.
        reduction: `reduction` of the frame.
    """

    seq: Annotated[int, Meta(ge=0)]
    captured_ns: int
    received_ns: int
    format: PixelFormat
    width: Annotated[int, Meta(gt=0)]
    height: Annotated[int, Meta(gt=0)]
    shape: Annotated[tuple[Annotated[int, Meta(gt=0)], ...], Meta(min_length=2, max_length=3)]
    colour: ColourSpace
    reduction: Annotated[int, Meta(ge=1)] = 1


class StillWaiting(Struct, frozen=True, kw_only=True, tag="waiting"):
    """Child to parent: the driver has no frame yet, and the process works."""


class CameraFailed(Struct, frozen=True, kw_only=True, tag="failed"):
    """Child to parent, its last message: the camera is lost, or has ended."""

    is_end_of_stream: bool
    reason: str


ToCamera = OpenCamera | NextFrame
FromCamera = CameraOpened | FrameArrived | StillWaiting | CameraFailed

TO_CAMERA: PacketCodec[ToCamera] = PacketCodec(ToCamera, max_bytes=MAX_PACKET_BYTES)
FROM_CAMERA: PacketCodec[FromCamera] = PacketCodec(FromCamera, max_bytes=MAX_PACKET_BYTES)
