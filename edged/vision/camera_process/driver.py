"""A camera in a process of its own, which may hang or crash without taking the vision worker with it."""

import contextlib
import logging
import math
import socket
import subprocess
from typing import ClassVar

import msgspec
import numpy as np

from edged.clock import Clock
from edged.config.codec import encode_path
from edged.errors import CameraError, CameraTimeoutError, EndOfStreamError
from edged.interfaces import CameraInfo
from edged.ipc import child
from edged.types import Frame
from edged.vision.camera_process.messages import (
    MAX_PACKET_BYTES,
    NEXT,
    CameraFailed,
    CameraOpened,
    FrameArrived,
    FromChild,
    OpenCamera,
    SharedFrameBuffer,
    unpack,
)

_OPEN_TIMEOUT_S = 20.0
"""For starting Python, importing the driver's library, and the driver's own `open`."""
_CLOSE_TIMEOUT_S = 1.0
_KILL_TIMEOUT_S = 5.0
"""After SIGKILL. A process that hangs in the kernel may need longer, and is then left behind."""


class IsolatedCamera:
    """Any driver, as a `edged.interfaces.Camera` that can always be closed: a hung or crashed child is a lost camera.

    The child dies with the thread that opened it.
    """

    Settings: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, name: str, settings: msgspec.Struct, clock: Clock, *, source: str) -> None:
        """Start nothing yet.

        Args:
            name: the camera's name in the config.
            settings: the driver's own.
            clock: this process's; the child stamps frames with the host's, on the same monotonic line.
            source: the driver's name in the registry.
        """
        self._name = name
        self._settings = settings
        self._source = source
        self._clock = clock
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._buffer: SharedFrameBuffer | None = None
        self._first_seq = 0
        self._next_seq = 0

    def open(self) -> CameraInfo:
        """See `edged.interfaces.Camera`."""
        self.close()
        self._first_seq = self._next_seq
        try:
            self._child, self._channel = child.spawn("edged.vision.camera_process.main")
        except OSError as error:
            raise CameraError(
                f"camera {self._name}: no process could be started: {error.strerror}"
            ) from error
        driver = msgspec.Raw(msgspec.json.encode(self._settings, enc_hook=encode_path))
        job = OpenCamera(
            name=self._name,
            source=self._source,
            driver_settings=driver,
            log_level=logging.getLevelName(logging.getLogger().level).lower(),
        )
        with contextlib.suppress(OSError):  # it died already: the answer, or its end, will tell
            self._channel.send(msgspec.json.encode(job))
        match self._receive(self._channel, _OPEN_TIMEOUT_S):
            case CameraOpened(info=info):
                return info
            case None:
                raise CameraError(
                    f"camera {self._name}: opening it took more than {_OPEN_TIMEOUT_S:g} s"
                )
            case other:
                raise self._make_protocol_error(other)

    def grab(self, timeout_s: float) -> Frame:
        """See `edged.interfaces.Camera`."""
        if self._channel is None:
            raise CameraError(f"camera {self._name} is not open")
        match self._receive(self._channel, timeout_s):
            case FrameArrived() as arrived:
                frame = self._copy_frame(arrived)
                with contextlib.suppress(OSError):  # its end is noticed when we listen again
                    self._channel.send(NEXT)
                return frame
            case None:
                raise CameraTimeoutError(f"camera {self._name}: no frame within {timeout_s:g} s")
            case other:
                raise self._make_protocol_error(other)

    def close(self) -> None:
        """See `edged.interfaces.Camera`."""
        if self._channel is not None:
            self._channel.close()  # the child's sign to close the camera and end
            self._channel = None
        if self._child is not None:
            self._stop_process(self._child)
            self._child = None
        if self._buffer is not None:
            self._buffer.close()
            self._buffer = None

    def _receive(self, channel: socket.socket, timeout_s: float) -> FromChild | None:
        channel.settimeout(timeout_s)
        try:
            packet, fds = _receive_packet(channel)
        except (TimeoutError, BlockingIOError):
            return None
        if fds:
            self._map_buffer(fds[0])
        if not packet:
            raise CameraError(f"camera {self._name}: its process {self._describe_exit()}")
        try:
            message = unpack(packet)
        except msgspec.DecodeError as error:
            raise CameraError(f"camera {self._name}: its process sent nonsense: {error}") from error
        if isinstance(message, CameraFailed):
            kind = EndOfStreamError if message.is_end_of_stream else CameraError
            raise kind(message.reason)
        return message

    def _map_buffer(self, fd: int) -> None:
        if self._buffer is not None:
            self._buffer.close()
        self._buffer = SharedFrameBuffer(fd, writable=False)

    def _copy_frame(self, arrived: FrameArrived) -> Frame:
        if self._buffer is None or math.prod(arrived.shape) > self._buffer.size:
            raise self._make_protocol_error(arrived)
        seq = self._first_seq + arrived.seq
        self._next_seq = seq + 1
        return Frame(
            camera=self._name,
            seq=seq,
            captured_ns=arrived.captured_ns,
            received_ns=arrived.received_ns,
            pixels=np.ndarray(arrived.shape, np.uint8, self._buffer.map).copy(),
            format=arrived.format,
            width=arrived.width,
            height=arrived.height,
        )

    def _make_protocol_error(self, message: object) -> CameraError:
        kind = type(message).__name__
        return CameraError(f"camera {self._name}: its process sent a wrong {kind} message")

    def _describe_exit(self) -> str:
        if self._child is None:
            return "is gone"
        try:
            return child.describe_exit(self._child.wait(_CLOSE_TIMEOUT_S))
        except subprocess.TimeoutExpired:
            return "closed its connection"

    @staticmethod
    def _stop_process(process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(_CLOSE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_KILL_TIMEOUT_S)


def _receive_packet(channel: socket.socket) -> tuple[bytes, list[int]]:
    """The next packet and the descriptors with it; an empty one at the end."""
    try:
        packet, fds, _flags, _address = socket.recv_fds(channel, MAX_PACKET_BYTES, 1)
    except ConnectionResetError:
        # The child ended without reading our last word. Linux says so first, once; what the child said is still there.
        packet, fds, _flags, _address = socket.recv_fds(channel, MAX_PACKET_BYTES, 1)
    return packet, fds
