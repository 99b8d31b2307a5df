"""A scripted camera, and recordings for the replay camera."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import cv2
import msgspec
import numpy as np

from edged.clock import Clock
from edged.errors import CameraTimeoutError, EndOfStreamError
from edged.interfaces import CameraInfo, Library
from edged.types import Frame, PixelFormat
from support.clock import FakeClock


class NoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a scripted camera: none."""


CameraStep = Frame | Exception | Callable[[], None]
"""One step of a script: a frame that `grab` returns, an error that it raises, or a function that is called before the next step."""


class ScriptedCamera:
    """A camera that follows a script, over any number of `open`s; at its end no frame comes within the timeout."""

    Settings: ClassVar[type[msgspec.Struct]] = NoSettings
    libraries: ClassVar[tuple[Library, ...]] = ()
    max_open_s = 10.0

    def __init__(
        self,
        clock: Clock,
        steps: Iterable[CameraStep],
        *,
        opens: Iterable[Exception | None] = (),
        info: CameraInfo | None = None,
    ) -> None:
        self._clock = clock
        self._steps: Iterator[CameraStep] = iter(steps)
        self._opens = iter(opens)
        self._info = info or CameraInfo(
            width=4, height=2, fps=10.0, description="a simulated camera"
        )
        self.open_count = 0
        self.close_count = 0

    def open(self) -> CameraInfo:
        self.open_count += 1
        error = next(self._opens, None)
        if error is not None:
            raise error
        return self._info

    def grab(self, timeout_s: float) -> Frame:
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, Frame):
                return step
            step()
        self._clock.sleep(timeout_s)
        raise CameraTimeoutError("the script is over")

    def close(self) -> None:
        self.close_count += 1


def frame(seq: int = 0, *, camera: str = "front", clock: Clock | None = None) -> Frame:
    """Return a grey frame of 4 x 2 pixels."""
    now_ns = (clock or FakeClock()).monotonic_ns()
    return Frame(
        camera=camera,
        seq=seq,
        captured_ns=now_ns,
        received_ns=now_ns,
        pixels=np.full((2, 4, 3), 127, np.uint8),
        format=PixelFormat.BGR24,
        width=4,
        height=2,
    )


def end_of_stream() -> EndOfStreamError:
    return EndOfStreamError("the script has ended")


def write_clip(
    path: Path, count: int, *, fps: float = 10.0, size: tuple[int, int] = (64, 48)
) -> Path:
    """Write an MJPEG clip whose picture k is uniformly ``5 * k`` bright."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), fps, size)
    for k in range(count):
        writer.write(np.full((size[1], size[0], 3), 5 * k, np.uint8))
    writer.release()
    return path


def write_pictures(folder: Path, count: int, *, size: tuple[int, int] = (64, 48)) -> Path:
    """Write a folder of PNGs, as bright as those of `write_clip`, and a file that is no picture."""
    folder.mkdir(exist_ok=True)
    for k in range(count):
        cv2.imwrite(str(folder / f"{k:04}.png"), np.full((size[1], size[0], 3), 5 * k, np.uint8))
    (folder / "README.txt").write_text("not a picture")
    return folder


def brightness(frame: Frame) -> int:
    """Return the mean of all pixels, rounded."""
    return round(float(frame.pixels.mean()))
