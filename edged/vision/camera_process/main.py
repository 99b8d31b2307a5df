"""A camera's own process: opens one driver and sends its newest frame whenever the parent is ready for it.

``python -m edged.vision.camera_process.main FD`` expects `OpenCamera` as the first packet. It ends with its camera, or with its parent.
"""

import select
import socket
import sys

import msgspec
import numpy as np

from edged import logs
from edged.clock import SystemClock
from edged.config.codec import decode_path
from edged.errors import CameraTimeoutError, EdgedError, EndOfStreamError, PacketError
from edged.interfaces import Camera, Reducible, Resumable
from edged.ipc import child
from edged.registry import CAMERAS, load_driver
from edged.types import Frame
from edged.vision.camera_process.frame_buffer import SharedFrameBuffer
from edged.vision.camera_process.messages import (
    FROM_CAMERA,
    TO_CAMERA,
    CameraFailed,
    CameraOpened,
    FrameArrived,
    FromCamera,
    NextFrame,
    OpenCamera,
    StillWaiting,
)

_GRAB_TIMEOUT_S = 0.5
"""The end of the parent is noticed within this time."""


class _ParentClosedError(Exception):
    """The parent has closed its end: no frames are wanted any more."""


class CameraProcess:
    """Carries frames from one camera to the parent."""

    def __init__(self, camera: Camera, channel: socket.socket) -> None:
        self._camera = camera
        self._channel = channel
        self._buffer: SharedFrameBuffer | None = None
        self._owns_buffer = True

    def run(self) -> None:
        """Send frames until the camera fails or ends, which is reported to the parent, or the parent is gone."""
        try:
            info = self._camera.open()
            self._send(CameraOpened(info=info))
            self._send_frames(lossless=info.lossless)
        except EndOfStreamError as error:
            self._send(CameraFailed(is_end_of_stream=True, reason=str(error)))
        except EdgedError as error:
            self._send(CameraFailed(is_end_of_stream=False, reason=str(error)))
        finally:
            self._camera.close()
            if self._buffer is not None:
                self._buffer.close()

    def _send_frames(self, *, lossless: bool) -> None:
        while True:
            try:
                frame = self._camera.grab(_GRAB_TIMEOUT_S)
            except CameraTimeoutError:
                self._reclaim_buffer(wait=False)
                self._send(StillWaiting())
                continue
            self._reclaim_buffer(wait=lossless)
            if self._owns_buffer:
                self._send_frame(frame)

    def _send_frame(self, frame: Frame) -> None:
        size = frame.pixels.nbytes
        fds = []
        if self._buffer is None or self._buffer.size < size:
            if self._buffer is not None:
                self._buffer.close()
            self._buffer = SharedFrameBuffer.create(size)
            fds.append(self._buffer.fd)
        np.ndarray(frame.pixels.shape, np.uint8, self._buffer.map)[:] = frame.pixels
        arrived = FrameArrived(
            seq=frame.seq,
            captured_ns=frame.captured_ns,
            received_ns=frame.received_ns,
            format=frame.format,
            width=frame.width,
            height=frame.height,
            shape=frame.pixels.shape,
            colour=frame.colour,
            reduction=frame.reduction,
        )
        self._send(arrived, fds)
        self._owns_buffer = False

    def _reclaim_buffer(self, *, wait: bool) -> None:
        """Take the memory back if the parent has released it; with `wait`, wait until it does."""
        timeout_s = None if wait and not self._owns_buffer else 0
        if select.select([self._channel], [], [], timeout_s)[0]:
            try:
                packet = self._channel.recv(TO_CAMERA.max_bytes)
            except ConnectionResetError:  # the parent did not read our last message
                packet = b""
            if not packet:
                raise _ParentClosedError
            message = TO_CAMERA.decode(packet)
            if isinstance(message, NextFrame):
                logs.set_level(message.log_level)
                self._owns_buffer = True
                if isinstance(self._camera, Reducible):
                    self._camera.set_needed_size(message.needed_size)

    def _send(self, message: FromCamera, fds: list[int] | None = None) -> None:
        try:
            socket.send_fds(self._channel, [FROM_CAMERA.encode(message)], fds or [])
        except OSError:
            raise _ParentClosedError from None


def main(argv: list[str]) -> int:
    """Run a camera's process; return its exit code.

    Raises:
        PacketError: the parent sent an invalid message.
        RegistryError: no such driver.
    """
    child.bind_lifetime_to_parent()
    with child.adopt_socket(int(argv[1])) as channel:
        job = _receive_job(channel)
        logs.configure(job.log_level)
        driver: type[Camera] = load_driver(CAMERAS, job.source)
        settings = msgspec.json.decode(
            job.driver_settings, type=driver.Settings, dec_hook=decode_path
        )
        camera = driver(job.name, settings, SystemClock())
        if isinstance(camera, Resumable):
            camera.resume_at(job.resume_at)
        try:
            CameraProcess(camera, channel).run()
        except _ParentClosedError:
            return 1
    return 0


def _receive_job(channel: socket.socket) -> OpenCamera:
    job = TO_CAMERA.decode(channel.recv(TO_CAMERA.max_bytes))
    if not isinstance(job, OpenCamera):
        raise PacketError(f"the first message is a {type(job).__name__}, not an OpenCamera")
    return job


if __name__ == "__main__":
    sys.exit(main(sys.argv))
