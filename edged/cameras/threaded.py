"""Cameras whose library blocks without a timeout; reads run in a thread.

The thread reads every frame as it arrives, so that none grows old in a buffer, and keeps only the newest one.
"""

import threading
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from edged.clock import Clock
from edged.errors import CameraError, CameraTimeoutError, EdgedError
from edged.interfaces import CameraInfo, Library
from edged.types import LIMITED_BT601, ColourSpace, Frame, PixelFormat

_CLOSE_TIMEOUT_S = 1.0
"""How long `close` waits for the thread. If the library takes longer, the next `open` waits for the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedFrame:
    """A `Frame` without a camera name and a number.

    Attributes:
        captured_ns: capture time, monotonic.
        received_ns: when the driver received it, monotonic.
        pixels: uint8, laid out as `format` says; rows may be padded.
        format: the layout of `pixels`.
        width: width of the picture in pixels, without padding.
        height: height of the picture in pixels.
        colour: what the planes of YUV420P mean.
        reduction: `pixels` are smaller by this factor both ways, which divides `width` and `height`.
    """

    captured_ns: int
    received_ns: int
    pixels: NDArray[np.uint8]
    format: PixelFormat
    width: int
    height: int
    colour: ColourSpace = LIMITED_BT601
    reduction: int = 1

    def to_frame(self, camera: str, seq: int) -> Frame:
        """Return the frame with a camera name and a number."""
        return Frame(
            camera=camera,
            seq=seq,
            captured_ns=self.captured_ns,
            received_ns=self.received_ns,
            pixels=self.pixels,
            format=self.format,
            width=self.width,
            height=self.height,
            colour=self.colour,
            reduction=self.reduction,
        )


class FrameSource(Protocol):
    """The blocking part of a camera. The reader's thread calls all three methods."""

    def open(self) -> CameraInfo:
        """Open the device.

        Raises:
            CameraError: the device cannot be opened.
        """

    def read(self) -> CapturedFrame | None:
        """Return the next frame; None if no frame is ready, and the caller retries.

        Raises:
            CameraError: the device is lost.
            EndOfStreamError: a finite source has ended.
        """

    def close(self) -> None:
        """Release whatever `open` acquired; called once, even if `open` failed."""


class SourceReader:
    """A thread that reads one source from its opening to its end; used once."""

    def __init__(self, source: FrameSource, *, name: str) -> None:
        """Start the thread."""
        self._source = source
        self._name = name
        self._changed = threading.Condition()
        self._info: CameraInfo | None = None
        self._newest: CapturedFrame | None = None
        self._read_count = 0
        self._failure: EdgedError | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"reader-{name}", daemon=True)
        self._thread.start()

    def wait_open(self, timeout_s: float) -> CameraInfo:
        """Wait for the source's `open`, and return its result.

        Raises:
            CameraTimeoutError: the source was not opened within `timeout_s`.
            CameraError: it could not be opened.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._info or self._failure, timeout_s):
                raise CameraTimeoutError(
                    f"camera {self._name}: opening it took more than {timeout_s:g} s"
                )
            if self._info is None:
                raise self._failure or CameraError(f"camera {self._name} was closed")
            return self._info

    def take_newest(self, timeout_s: float) -> tuple[int, CapturedFrame]:
        """Wait for a frame that was not yet taken.

        Returns:
            How many frames were read before the newest one, and the newest one.

        Raises:
            CameraTimeoutError: no frame came within `timeout_s`.
            CameraError: the source's `read` failed, and its last frame was taken.
            EndOfStreamError: the source has ended, and its last frame was taken.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._newest or self._failure, timeout_s):
                raise CameraTimeoutError(f"camera {self._name}: no frame within {timeout_s:g} s")
            if self._newest is None:
                raise self._failure or CameraError(f"camera {self._name} was closed")
            frame, self._newest = self._newest, None
            return self._read_count - 1, frame

    def stop(self, timeout_s: float) -> bool:
        """Close the source after its current `read`; return False if that takes longer than `timeout_s`."""
        self._stopping = True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            info = self._source.open()
            with self._changed:
                self._info = info
                self._changed.notify_all()
            while not self._stopping:
                frame = self._source.read()
                if frame is not None:
                    self._store_newest(frame)
        except EdgedError as error:
            self._set_failure(error)
        except Exception as error:  # noqa: BLE001 - raised again in the waiting thread
            self._set_failure(CameraError(f"camera {self._name}: its driver failed: {error!r}"))
        finally:
            self._source.close()

    def _store_newest(self, frame: CapturedFrame) -> None:
        with self._changed:
            self._newest = frame
            self._read_count += 1
            self._changed.notify_all()

    def _set_failure(self, error: EdgedError) -> None:
        with self._changed:
            self._failure = error
            self._changed.notify_all()


class ThreadedCamera:
    """The base of cameras that read a `FrameSource` in a thread: implements `edged.interfaces.Camera`; subclasses supply the source."""

    libraries: ClassVar[tuple[Library, ...]] = ()
    open_timeout_s = 10.0
    """Time limit for opening the source."""

    @property
    def max_open_s(self) -> float:
        """Longest time that `open` takes, seconds: it may first wait for the last source's thread."""
        return 2 * self.open_timeout_s

    def __init__(self, name: str, clock: Clock) -> None:
        """Store the arguments; open nothing."""
        self._name = name
        self._clock = clock
        self._reader: SourceReader | None = None
        self._first_seq = 0
        self._next_seq = 0

    def create_source(self) -> FrameSource:
        """Return a new source that is not open yet."""
        raise NotImplementedError

    def open(self) -> CameraInfo:
        """Start a thread that opens and reads a new source.

        Raises:
            CameraError: the source cannot be opened in time, or the last one's thread is still blocked.
        """
        if self._reader and not self._reader.stop(self.open_timeout_s):
            raise CameraError(
                f"camera {self._name}: the driver thread has been blocked since the last failure;"
                ' set `isolation = "process"` so that it can be killed'
            )
        self._reader = SourceReader(self.create_source(), name=self._name)
        self._first_seq = self._next_seq
        try:
            return self._reader.wait_open(self.open_timeout_s)
        except CameraTimeoutError:
            raise CameraError(self.describe_open_timeout()) from None

    def describe_open_timeout(self) -> str:
        """Return what to report if the source is not open after `open_timeout_s`."""
        return f"camera {self._name}: opening it took more than {self.open_timeout_s:g} s"

    def grab(self, timeout_s: float) -> Frame:
        """Wait for a frame that was not yet delivered; frames that the thread read before it show as gaps in `seq`.

        Raises:
            CameraTimeoutError: no frame came within `timeout_s`.
            CameraError: the camera is not open, or the source is lost.
            EndOfStreamError: the source has ended.
        """
        if self._reader is None:
            raise CameraError(f"camera {self._name} is not open")
        index, captured = self._reader.take_newest(timeout_s)
        seq = self._first_seq + index
        self._next_seq = seq + 1
        return captured.to_frame(self._name, seq)

    def close(self) -> None:
        """Stop the thread, and leave a blocked one to the next `open`."""
        if self._reader and self._reader.stop(_CLOSE_TIMEOUT_S):
            self._reader = None
