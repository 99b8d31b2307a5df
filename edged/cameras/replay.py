"""A recording in place of a camera: for tests, for trying a model on own pictures, and for demonstrations."""

from dataclasses import dataclass, replace
from typing import ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from edged.cameras.clips import Clip, open_clip
from edged.cameras.replay_settings import ReplaySettings
from edged.clock import NS_PER_S, Clock, Deadline
from edged.errors import CameraError, CameraTimeoutError, EndOfStreamError
from edged.interfaces import CameraInfo, Library
from edged.types import Frame, PixelFormat


@dataclass(frozen=True, slots=True)
class _ScheduledFrame:
    """A picture, its number, and when it is due, monotonic nanoseconds."""

    seq: int
    at_ns: int
    bgr: NDArray[np.uint8]


class ReplayCamera:
    """A camera that plays a recording.

    Frames are BGR24. `captured_ns` is the recording's own time, counted from `open`; it never goes back, neither where a loop
    begins again nor at a second `open`, which goes on where the first stopped, or begins again if that had reached the end.
    Pictures that were skipped because the consumer was late show as gaps in `seq`.
    """

    Settings: ClassVar[type[msgspec.Struct]] = ReplaySettings
    libraries: ClassVar[tuple[Library, ...]] = ()
    max_open_s = 20.0

    def __init__(self, name: str, settings: ReplaySettings, clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._clock = clock
        self._clip: Clip | None = None
        self._read_count = 0
        """Pictures read in this pass; a recording that is opened again goes on with the one that was not delivered."""
        self._has_ended = False
        self._pending: _ScheduledFrame | None = None
        """A picture that was read but not delivered yet."""
        self._next_seq = 0
        self._anchor_ns = 0
        """The recording's beginning, monotonic nanoseconds."""
        self._period_ns = 0
        self._end_ns = 0
        """One period after the last picture read: the earliest beginning of another pass."""

    def resume_at(self, count: int) -> None:
        """Skip the first `count` pictures at the next `open`; a recording that is played again and again begins at its first."""
        if not self._settings.loop:
            self._read_count = count

    def open(self) -> CameraInfo:
        """Open the recording and read its first picture.

        Raises:
            CameraError: the recording is missing or cannot be read.
        """
        self.close()
        first = 0 if self._has_ended else self._read_count
        clip = self._open_clip(max(self._clock.monotonic_ns(), self._end_ns), first)
        self._pending = self._begin_now(self._read_next())
        height, width = self._pending.bgr.shape[:2]
        return CameraInfo(
            width=width,
            height=height,
            fps=clip.fps,
            lossless=self._settings.speed == "max",
            is_recording=True,
            description=f"replay of {self._settings.path.name}",
        )

    def grab(self, timeout_s: float) -> Frame:
        """Return the next picture, at `speed = "real"` when it is due.

        Raises:
            CameraTimeoutError: the next picture is due later than `timeout_s` from now.
            CameraError: the camera is not open, or a picture cannot be read.
            EndOfStreamError: the recording has ended.
        """
        picture = self._pending = self._pending or self._read_next()
        if self._settings.speed == "real":
            picture = self._wait_until_due(picture, Deadline(self._clock, timeout_s))
        self._pending = None
        return self._make_frame(picture)

    def close(self) -> None:
        """Close the recording."""
        if self._clip is not None:
            self._clip.pictures.close()
        if self._pending is not None:
            self._read_count -= 1
            self._next_seq = self._pending.seq
        self._clip = self._pending = None

    def _make_frame(self, picture: _ScheduledFrame) -> Frame:
        height, width = picture.bgr.shape[:2]
        return Frame(
            camera=self._name,
            seq=picture.seq,
            captured_ns=picture.at_ns,
            received_ns=self._clock.monotonic_ns(),
            pixels=picture.bgr,
            format=PixelFormat.BGR24,
            width=width,
            height=height,
        )

    def _begin_now(self, picture: _ScheduledFrame) -> _ScheduledFrame:
        """Move the time line so that the first picture is not late: opening a recording takes a while."""
        delay_ns = max(0, self._clock.monotonic_ns() - picture.at_ns)
        self._anchor_ns += delay_ns
        self._end_ns += delay_ns
        return replace(picture, at_ns=picture.at_ns + delay_ns)

    def _open_clip(self, at_ns: int, first: int = 0) -> Clip:
        """Open the recording so that its picture `first` is due at `at_ns`."""
        self._anchor_ns = at_ns
        self._read_count = first
        self._has_ended = False
        self._clip = open_clip(self._settings.path, self._settings.fps, first)
        self._period_ns = round(NS_PER_S / self._clip.fps)
        return self._clip

    def _wait_until_due(self, picture: _ScheduledFrame, deadline: Deadline) -> _ScheduledFrame:
        """Wait until the picture is due; skip pictures that are a period late, but never the last one.

        If reading takes longer than playing, skipping would never end: then the recording plays slower.
        """
        while (late_ns := self._clock.monotonic_ns() - picture.at_ns) >= self._period_ns:
            try:
                picture = self._pending = self._read_next()
            except EndOfStreamError:
                return picture
            if self._clock.monotonic_ns() - picture.at_ns >= late_ns:
                picture = self._pending = self._begin_now(picture)
        wait_s = -late_ns / NS_PER_S
        if wait_s > deadline.remaining_s:
            self._clock.sleep(deadline.remaining_s)
            raise CameraTimeoutError(
                f"camera {self._name}: the next picture of {self._settings.path} is due in {wait_s:.1f} s"
            )
        if wait_s > 0:
            self._clock.sleep(wait_s)
        return picture

    def _read_next(self) -> _ScheduledFrame:
        if self._clip is None:
            raise CameraError(f"camera {self._name} is not open")
        picture = next(self._clip.pictures, None)
        if picture is None:
            self._finish_pass(self._clip)
            picture = next(self._open_clip(self._end_ns).pictures, None)
        if picture is None:
            raise CameraError(
                f"{self._settings.path}: it has no more pictures; it was readable before, so check the disk"
            )
        due = _ScheduledFrame(
            self._next_seq, self._anchor_ns + round(picture.at_s * NS_PER_S), picture.bgr
        )
        self._next_seq += 1
        self._read_count += 1
        self._end_ns = due.at_ns + self._period_ns
        return due

    def _finish_pass(self, clip: Clip) -> None:
        """Return if the recording is to be played again, otherwise raise the reason why it has ended."""
        clip.pictures.close()
        path, read_count = self._settings.path, self._read_count
        if read_count == 0:
            raise CameraError(
                f"{path}: it has no readable picture; set `path` to another recording"
            )
        if self._settings.loop:
            return
        self._has_ended = True
        if read_count < clip.declared_count:
            raise EndOfStreamError(
                f"{path}: the recording ended after {read_count} pictures, but its index lists {clip.declared_count}: it may be damaged"
            )
        raise EndOfStreamError(f"{path}: the recording ended after {read_count} pictures")
