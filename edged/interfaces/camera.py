"""The interface of a camera driver."""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import msgspec

from edged.clock import Clock
from edged.interfaces.library import Library
from edged.types import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraInfo:
    """The properties of an open camera.

    Attributes:
        width: width of its frames, pixels.
        height: height of its frames, pixels.
        fps: frames per second that it is set to deliver; 0.0 if unknown.
        description: driver and device in words, for `up/info`.
        lossless: True if the camera waits for its consumer (a replay at full speed), so that no frame may be dropped.
        is_recording: True for a recording: a pause between two of its frames is no loss, however long.
        max_silence_s: time without a frame after which the driver itself raises `CameraError`, seconds; None if it has no such limit.
    """

    width: int
    height: int
    fps: float
    description: str
    lossless: bool = False
    is_recording: bool = False
    max_silence_s: float | None = None


class Camera(Protocol):
    """A source of frames. One thread opens, reads and closes it.

    It is constructed without I/O, as ``Driver(name, settings, clock)`` with an instance of its own `Settings`. It may be opened again after `close`.
    """

    Settings: ClassVar[type[msgspec.Struct]]
    """The driver's own keys in ``[camera.NAME]``; frozen, keyword-only, every field documented by ``Meta(description=...)``."""

    def __init__(self, name: str, settings: msgspec.Struct, clock: Clock) -> None:
        """Store the arguments; open nothing.

        Args:
            name: the camera's name in the configuration.
            settings: an instance of `Settings`.
            clock: the source of time stamps and waits.
        """

    libraries: ClassVar[tuple[Library, ...]]
    """What the driver imports when it is opened, beside edged's own dependencies."""

    @property
    def max_open_s(self) -> float:
        """Longest time that `open` takes, seconds; a driver that takes much longer hangs."""

    def open(self) -> CameraInfo:
        """Open the device within a bounded time, and return its properties.

        Raises:
            CameraError: the device is absent, busy or refuses access; the message names the device and says what to do.
        """

    def grab(self, timeout_s: float) -> Frame:
        """Wait for the next frame and return it; the caller owns its pixels.

        Raises:
            CameraTimeoutError: no frame came within `timeout_s`.
            CameraError: the device is lost; it must be closed and opened again.
            EndOfStreamError: a finite source has ended.
        """

    def close(self) -> None:
        """Release the device. Never raises; may be called twice."""


@runtime_checkable
class Reducible(Protocol):
    """A camera that saves work if its frames may be smaller than its pictures."""

    def set_needed_size(self, size: tuple[int, int] | None) -> None:
        """Say of what size a frame's pixels must be at least, width and height; None: of full size, as from the beginning.

        The next frames may then have a `Frame.reduction`. Any thread may call it.
        """


@runtime_checkable
class Resumable(Protocol):
    """A camera that plays a recording, and can go on where another process has stopped."""

    def resume_at(self, count: int) -> None:
        """Skip the first `count` pictures at the next `open`."""
