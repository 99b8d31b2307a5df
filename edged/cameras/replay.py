"""A recording in place of a camera: for tests, for trying a model on one's own pictures, for a demonstration."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from edged.cameras.clips import Clip, open_clip
from edged.clock import NS_PER_S, Clock, Deadline
from edged.errors import CameraError, CameraTimeoutError, EndOfStreamError
from edged.interfaces import CameraInfo
from edged.types import Frame, PixelFormat


class ReplaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """[camera.NAME] with ``source = "replay"``."""

    path: Annotated[
        Path,
        Meta(description="A video file, or a folder of pictures, shown in the order of names."),
    ]
    speed: Annotated[
        Literal["real", "max"],
        Meta(
            description='"real" keeps the recording\'s pace and skips when late; "max" goes as fast as frames are taken and skips none.'
        ),
    ] = "real"
    loop: Annotated[bool, Meta(description="Begin again at the end, instead of ending.")] = False
    fps: Annotated[
        Annotated[float, Meta(gt=0, le=1000)] | None,
        Meta(
            description="Pictures a second, in place of the recording's own; a folder has 10 if not set."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class _ScheduledFrame:
    """A picture and when it is to be shown, on the monotonic line."""

    seq: int
    at_ns: int
    bgr: NDArray[np.uint8]


class ReplayCamera:
    """See `edged.interfaces.Camera`.

    Frames are BGR24. `captured_ns` is the recording's own time, anchored at `open`; it never goes back, neither over
    a loop nor over a second `open`. Pictures skipped because the consumer was late show as gaps in `seq`.
    """

    Settings: ClassVar[type[msgspec.Struct]] = ReplaySettings

    def __init__(self, name: str, settings: ReplaySettings, clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._clock = clock
        self._clip: Clip | None = None
        self._read_count = 0
        self._pending: _ScheduledFrame | None = None
        """Read, but not delivered yet."""
        self._next_seq = 0
        self._anchor_ns = 0
        """Where the recording's beginning lies on the monotonic line."""
        self._period_ns = 0
        self._end_ns = 0
        """One period after the last picture read: where a new round may begin."""

    def open(self) -> CameraInfo:
        """See `edged.interfaces.Camera`."""
        self.close()
        clip = self._open_clip(max(self._clock.monotonic_ns(), self._end_ns))
        self._pending = self._read_next()
        height, width = self._pending.bgr.shape[:2]
        return CameraInfo(
            width=width,
            height=height,
            fps=clip.fps,
            lossless=self._settings.speed == "max",
            description=f"replay of {self._settings.path.name}",
        )

    def grab(self, timeout_s: float) -> Frame:
        """See `edged.interfaces.Camera`."""
        picture = self._pending = self._pending or self._read_next()
        if self._settings.speed == "real":
            picture = self._wait_until_due(picture, Deadline(self._clock, timeout_s))
        self._pending = None
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

    def close(self) -> None:
        """See `edged.interfaces.Camera`."""
        if self._clip is not None:
            self._clip.pictures.close()
        self._clip = self._pending = None

    def _open_clip(self, at_ns: int) -> Clip:
        self._anchor_ns = at_ns
        self._read_count = 0
        self._clip = open_clip(self._settings.path, self._settings.fps)
        self._period_ns = round(NS_PER_S / self._clip.fps)
        return self._clip

    def _wait_until_due(self, picture: _ScheduledFrame, deadline: Deadline) -> _ScheduledFrame:
        """Wait until the picture is due; if that was a period ago, go on to a later one. Never skips the last."""
        while (late_ns := self._clock.monotonic_ns() - picture.at_ns) >= self._period_ns:
            try:
                picture = self._pending = self._read_next()
            except EndOfStreamError:
                return picture
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
            raise CameraError(f"{self._settings.path}: no picture can be read any more")
        due = _ScheduledFrame(
            self._next_seq, self._anchor_ns + round(picture.at_s * NS_PER_S), picture.bgr
        )
        self._next_seq += 1
        self._read_count += 1
        self._end_ns = due.at_ns + self._period_ns
        return due

    def _finish_pass(self, clip: Clip) -> None:
        """Return if there is to be another round, else say why it is over."""
        clip.pictures.close()
        path, read = self._settings.path, self._read_count
        if read == 0:
            raise CameraError(f"{path}: holds no picture that can be read")
        if self._settings.loop:
            return
        if read < clip.declared_count:
            raise EndOfStreamError(
                f"{path} ended after {read} pictures, but its index promises {clip.declared_count}: it may be damaged"
            )
        raise EndOfStreamError(f"{path} ended after {read} pictures")
