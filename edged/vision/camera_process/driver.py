"""A camera in a process of its own, which can hang or crash without taking the vision worker with it."""

import logging
import math
from typing import ClassVar

import msgspec
import numpy as np

from edged.clock import Clock, Deadline
from edged.config.codec import encode_path
from edged.errors import (
    CameraError,
    CameraTimeoutError,
    EndOfStreamError,
    PacketError,
    WorkerError,
)
from edged.interfaces import CameraInfo, Library
from edged.ipc.process import ChildProcess
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
    ToCamera,
)

_START_TIMEOUT_S = 20.0
"""For starting Python and importing the driver's library, beside the driver's own `open`."""
_CLOSE_TIMEOUT_S = 1.0
_RESPONSE_TIMEOUT_S = 3.0
"""The process reports every half second; after so long without a message it hangs, and its frames are not only late."""


class IsolatedCamera:
    """Any driver, as an `edged.interfaces.Camera` that can always be closed: a hung or crashed child is a lost camera.

    The child dies with the thread that opened it.
    """

    Settings: ClassVar[type[msgspec.Struct]] = msgspec.Struct
    libraries: ClassVar[tuple[Library, ...]] = ()

    def __init__(
        self,
        name: str,
        settings: msgspec.Struct,
        clock: Clock,
        *,
        source: str,
        driver_max_open_s: float = 0.0,
    ) -> None:
        """Start nothing yet.

        Args:
            name: the camera's name in the configuration.
            settings: the driver's own.
            clock: this process's; the child stamps frames with the host's, on the same monotonic line.
            source: the driver's name in the registry.
            driver_max_open_s: the driver's own `max_open_s`.
        """
        self.max_open_s = _START_TIMEOUT_S + driver_max_open_s
        self._name = name
        self._settings = settings
        self._source = source
        self._clock = clock
        self._child: ChildProcess[ToCamera, FromCamera] | None = None
        self._buffer: SharedFrameBuffer | None = None
        self._response_deadline = Deadline(clock, _RESPONSE_TIMEOUT_S)
        self._resume_at = 0
        self._needed_size: tuple[int, int] | None = None
        self._first_seq = 0
        self._next_seq = 0

    def resume_at(self, count: int) -> None:
        """Let a recording skip its first `count` pictures."""
        self._resume_at = count

    def set_needed_size(self, size: tuple[int, int] | None) -> None:
        """Let the driver reduce its frames to this size at least, width and height, if it can; None: to no smaller size."""
        self._needed_size = size

    def open(self) -> CameraInfo:
        """Start the process and have it open the camera.

        Raises:
            CameraError: no process can be started, the driver cannot open its device, or takes too long.
            EndOfStreamError: the source has no frames.
        """
        self.close()
        self._first_seq = self._next_seq
        job = OpenCamera(
            name=self._name,
            source=self._source,
            resume_at=self._resume_at + self._next_seq,
            driver_settings=msgspec.Raw(msgspec.json.encode(self._settings, enc_hook=encode_path)),
            log_level=_log_level(),
        )
        try:
            self._child = ChildProcess.start(
                "edged.vision.camera_process.main",
                sent=TO_CAMERA,
                received=FROM_CAMERA,
                first_message=job,
            )
        except WorkerError as error:
            raise CameraError(f"camera {self._name}: {error}") from error
        match self._receive(self._child, self.max_open_s):
            case CameraOpened(info=info):
                self._response_deadline = Deadline(self._clock, _RESPONSE_TIMEOUT_S)
                return info
            case None:
                raise CameraError(
                    f"camera {self._name}: opening it took more than {self.max_open_s:g} s"
                )
            case other:
                raise self._make_protocol_error(other)

    def grab(self, timeout_s: float) -> Frame:
        """Return the next frame.

        Raises:
            CameraTimeoutError: no frame came within `timeout_s` seconds.
            EndOfStreamError: the source has ended.
            CameraError: the camera was lost, or its process ended or does not respond.
        """
        if self._child is None:
            raise CameraError(f"camera {self._name} is not open")
        deadline = Deadline(self._clock, timeout_s)
        while True:
            match self._receive(self._child, deadline.remaining_s):
                case FrameArrived() as arrived:
                    frame = self._copy_frame(arrived)
                    self._child.send(
                        NextFrame(log_level=_log_level(), needed_size=self._needed_size)
                    )
                    self._response_deadline = Deadline(self._clock, _RESPONSE_TIMEOUT_S)
                    return frame
                case StillWaiting():
                    self._response_deadline = Deadline(self._clock, _RESPONSE_TIMEOUT_S)
                case None if self._response_deadline.expired:
                    raise CameraError(
                        f"camera {self._name}: its process has not responded for {_RESPONSE_TIMEOUT_S:g} s"
                    )
                case None:
                    message = f"camera {self._name}: no frame within {timeout_s:g} s"
                    raise CameraTimeoutError(message)
                case other:
                    raise self._make_protocol_error(other)

    def close(self) -> None:
        """End the process: it closes the camera and exits, or is killed."""
        if self._child is not None:
            self._child.stop(_CLOSE_TIMEOUT_S)
            self._child = None
        if self._buffer is not None:
            self._buffer.close()
            self._buffer = None

    def _receive(
        self, child: ChildProcess[ToCamera, FromCamera], timeout_s: float
    ) -> CameraOpened | FrameArrived | StillWaiting | None:
        """Return the child's next message; None if none came in time."""
        try:
            message, descriptors = child.receive_with_descriptors(timeout_s)
        except TimeoutError:
            return None
        except PacketError as error:
            raise CameraError(f"camera {self._name}: its process sent {error}") from error
        except OSError as error:
            raise CameraError(f"camera {self._name}: its process: {error.strerror}") from error
        if descriptors:
            self._map_buffer(descriptors[0])
        if message is None:
            child.join(_CLOSE_TIMEOUT_S)
            raise CameraError(f"camera {self._name}: its process {child.describe_exit()}")
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
            colour=arrived.colour,
            reduction=arrived.reduction,
        )

    def _make_protocol_error(self, message: object) -> CameraError:
        kind = type(message).__name__
        return CameraError(f"camera {self._name}: its process sent an unexpected {kind} message")


def _log_level() -> str:
    return logging.getLevelName(logging.getLogger().level).lower()
