"""Cameras whose library waits without a bound we could set: it waits in a thread of its own, and we wait for that thread.

The thread reads everything as it comes, so that nothing grows old in a buffer, and keeps the newest shot only.
"""

import threading
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edged.clock import Clock, Deadline
from edged.errors import CameraError, CameraTimeoutError, EdgedError
from edged.interfaces import CameraInfo
from edged.types import Frame, PixelFormat

_CLOSE_TIMEOUT_S = 1.0
"""So long `close` waits for the thread; what the library does beyond it, `open` waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedFrame:
    """What a source gives: a `Frame` before it is counted. Fields as there."""

    captured_ns: int
    received_ns: int
    pixels: NDArray[np.uint8]
    format: PixelFormat
    width: int
    height: int


class FrameSource(Protocol):
    """The blocking part of a camera. All three are called in the reader's thread."""

    def open(self) -> CameraInfo:
        """Take hold of the device. `CameraError` if it cannot."""

    def read(self) -> CapturedFrame | None:
        """Wait for the next shot; None to be asked again. `CameraError` if the device is lost, `EndOfStreamError` if it has ended."""

    def close(self) -> None:
        """Let go of whatever `open` took hold of; called once, even if `open` failed."""


class SourceReader:
    """Reads one source, from its opening to its end; used once."""

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
        """Wait for the source's `open`; what it raises is raised here."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._info or self._failure, timeout_s):
                raise CameraError(f"camera {self._name}: opening it took more than {timeout_s:g} s")
            if self._info is None:
                raise self._failure or CameraError(f"camera {self._name} was closed")
            return self._info

    def take_newest(self, timeout_s: float) -> tuple[int, CapturedFrame]:
        """Wait for a shot that was not yet given; what the source's `read` raises is raised here, after its last shot.

        Returns:
            The newest shot, and how many were read before it.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._newest or self._failure, timeout_s):
                raise CameraTimeoutError(f"camera {self._name}: no frame within {timeout_s:g} s")
            if self._newest is None:
                raise self._failure or CameraError(f"camera {self._name} was closed")
            shot, self._newest = self._newest, None
            return self._read_count - 1, shot

    def stop(self, timeout_s: float) -> bool:
        """Have the source closed after its current `read`; False if that did not come to pass within `timeout_s`."""
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
                shot = self._source.read()
                if shot is not None:
                    self._store_newest(shot)
        except EdgedError as error:
            self._set_failure(error)
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
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
    """What cameras on a `Reader` have in common: all of `edged.interfaces.Camera` but the source."""

    open_timeout_s = 10.0
    """The source's own time limits are shorter, or it has none."""

    def __init__(self, name: str, clock: Clock) -> None:
        """See `edged.interfaces.Camera`."""
        self._name = name
        self._clock = clock
        self._reader: SourceReader | None = None
        self._first_seq = 0
        self._next_seq = 0

    def create_source(self) -> FrameSource:
        """A fresh source, not open."""
        raise NotImplementedError

    def open(self) -> CameraInfo:
        """See `edged.interfaces.Camera`."""
        deadline = Deadline(self._clock, self.open_timeout_s)
        if self._reader and not self._reader.stop(deadline.remaining_s):
            raise CameraError(
                f"camera {self._name}: its driver still hangs where it was left;"
                ' `isolation = "process"` would let it be killed'
            )
        self._reader = SourceReader(self.create_source(), name=self._name)
        self._first_seq = self._next_seq
        return self._reader.wait_open(deadline.remaining_s)

    def grab(self, timeout_s: float) -> Frame:
        """See `edged.interfaces.Camera`."""
        if self._reader is None:
            raise CameraError(f"camera {self._name} is not open")
        index, shot = self._reader.take_newest(timeout_s)
        seq = self._first_seq + index
        self._next_seq = seq + 1
        return Frame(
            camera=self._name,
            seq=seq,
            captured_ns=shot.captured_ns,
            received_ns=shot.received_ns,
            pixels=shot.pixels,
            format=shot.format,
            width=shot.width,
            height=shot.height,
        )

    def close(self) -> None:
        """See `edged.interfaces.Camera`."""
        if self._reader and self._reader.stop(_CLOSE_TIMEOUT_S):
            self._reader = None
