"""Changes to picamera2 for libcamera's virtual pipeline, which has no raw modes and two planes a buffer."""

from typing import Any

import libcamera
from picamera2 import Picamera2
from picamera2.allocators import DmaAllocator


class TwoPlaneAllocator(DmaAllocator):  # type: ignore[misc]  # picamera2 is untyped
    """An allocator that gives each NV12 buffer a plane for luma and one for chroma; a Raspberry Pi's pipeline needs one for both."""

    def allocate(self, libcamera_config: Any, use_case: Any) -> None:
        super().allocate(libcamera_config, use_case)
        for stream_config in libcamera_config:
            luma_bytes = stream_config.stride * stream_config.size.height
            buffers = self.frame_buffers[stream_config.stream]
            self.frame_buffers[stream_config.stream] = [
                self._parted(buffer, luma_bytes, stream_config.frame_size) for buffer in buffers
            ]

    def _parted(self, buffer: Any, luma_bytes: int, all_bytes: int) -> Any:
        luma, chroma = buffer.planes[0], libcamera.FrameBuffer.Plane()
        luma.length = luma_bytes
        chroma.fd = luma.fd
        chroma.offset, chroma.length = luma_bytes, all_bytes - luma_bytes
        parted = libcamera.FrameBuffer([luma, chroma])
        self.mapped_buffers[parted] = self.mapped_buffers.pop(buffer)
        return parted


class VirtualPicamera2(Picamera2):  # type: ignore[misc]  # picamera2 is untyped
    """The real picamera2 on a virtual camera."""

    def __init__(self, camera_num: int = 0) -> None:
        super().__init__(camera_num, allocator=TwoPlaneAllocator())

    def _get_raw_modes(self) -> list[dict[str, Any]]:
        return [{"format": "NV12", "size": (1280, 960)}]
