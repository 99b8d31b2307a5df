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
from edged.errors import CameraTimeoutError, EdgedError, EndOfStreamError
from edged.interfaces import Camera
from edged.ipc import child
from edged.registry import CAMERAS, load_driver
from edged.types import Frame
from edged.vision.camera_process.messages import (
    MAX_PACKET_BYTES,
    CameraFailed,
    CameraOpened,
    FrameArrived,
    FromChild,
    OpenCamera,
    SharedFrameBuffer,
)

_GRAB_TIMEOUT_S = 0.5
"""The end of the parent is noticed so soon."""


class _ParentClosedError(Exception):
    """Nobody wants frames any more."""


class CameraProcess:
    """Carries frames from one camera to the parent."""

    def __init__(self, camera: Camera, channel: socket.socket) -> None:
        self._camera = camera
        self._channel = channel
        self._buffer: SharedFrameBuffer | None = None
        self._owns_buffer = True

    def run(self) -> None:
        """Until the camera fails or ends, which the parent is told, or the parent is gone."""
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
        )
        self._send(arrived, fds)
        self._owns_buffer = False

    def _reclaim_buffer(self, *, wait: bool) -> None:
        """Take the memory back if the parent gave it; `wait` until it does."""
        timeout_s = None if wait and not self._owns_buffer else 0
        if select.select([self._channel], [], [], timeout_s)[0]:
            try:
                given = self._channel.recv(1)
            except ConnectionResetError:  # it did not read our last message
                given = b""
            if not given:
                raise _ParentClosedError
            self._owns_buffer = True

    def _send(self, message: FromChild, fds: list[int] | None = None) -> None:
        try:
            socket.send_fds(self._channel, [msgspec.json.encode(message)], fds or [])
        except OSError:
            raise _ParentClosedError from None


def main(argv: list[str]) -> int:
    """Be a camera's process."""
    child.bind_lifetime_to_parent()
    with child.adopt_socket(int(argv[1])) as channel:
        job = msgspec.json.decode(channel.recv(MAX_PACKET_BYTES), type=OpenCamera)
        logs.configure(job.log_level)
        driver: type[Camera] = load_driver(CAMERAS, job.source)
        settings = msgspec.json.decode(
            job.driver_settings, type=driver.Settings, dec_hook=decode_path
        )
        try:
            CameraProcess(driver(job.name, settings, SystemClock()), channel).run()
        except _ParentClosedError:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
