"""A camera that shows a generated scene: it needs no hardware, and its pictures and their ground truth are the same in each run.

The scene's time line begins when the camera is first opened, and goes on while it is closed.
"""

from functools import cached_property
from typing import ClassVar

import msgspec

from edged.cameras.synthetic_settings import SyntheticSettings
from edged.clock import NS_PER_S, Clock
from edged.errors import CameraError, CameraTimeoutError, EndOfStreamError
from edged.interfaces import CameraInfo, Library
from edged.marks.mark import U8
from edged.marks.synthetic_scene import SyntheticScene
from edged.types import Frame, PixelFormat

_CYCLE_HZ = 15.0
_CYCLE_START_S = 2.0
"""A cycle shows the scene from here on at this rate, independent of `fps`: always the same pictures, and never an empty room."""


class SyntheticCamera:
    """Printed marks that enter a room, stay for a while, and leave; see `edged.marks.synthetic_scene.SyntheticScene`.

    In real time a frame that was not taken is skipped, as with any live camera: the next one shows the scene at its own time. At
    full speed every frame is delivered, as fast as it is taken, and `captured_ns` is the scene's own time.
    """

    Settings: ClassVar[type[msgspec.Struct]] = SyntheticSettings
    libraries: ClassVar[tuple[Library, ...]] = ()
    max_open_s = 20.0

    def __init__(self, name: str, settings: SyntheticSettings, clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._clock = clock
        self._is_open = False
        self._start_ns = 0
        self._is_started = False
        self._cycle_cache: dict[int, U8] = {}
        self._next_index = 0
        self._next_seq = 0

    @cached_property
    def scene(self) -> SyntheticScene:
        """The scene, with its schedule and its ground truth for every frame index."""
        s = self._settings
        return SyntheticScene(
            width=s.width,
            height=s.height,
            fps=_CYCLE_HZ if s.cycle else s.fps,
            seed=s.seed,
            labels=s.labels,
            interval_s=s.every_s,
            duration_s=s.stay_s,
            noise=s.noise,
        )

    def open(self) -> CameraInfo:
        """Draw the room and start the scene; never fails."""
        s = self._settings
        _ = self.scene  # drawn now, not within the first frame's time
        if not self._is_started:
            self._start_ns = self._clock.monotonic_ns()
        self._is_started = self._is_open = True
        return CameraInfo(
            width=s.width,
            height=s.height,
            fps=s.fps,
            lossless=s.speed == "max",
            description=f"synthetic scene, seed {s.seed}",
        )

    def grab(self, timeout_s: float) -> Frame:
        """Render the next frame, at `speed = "real"` when it is due.

        Raises:
            CameraTimeoutError: the next frame is due later than `timeout_s` from now.
            CameraError: the camera is not open.
            EndOfStreamError: the scene has ended after `frames` frames.
        """
        if not self._is_open:
            raise CameraError(f"camera {self._name} is not open")
        index = self._next_index if self._settings.speed == "max" else self._await_next(timeout_s)
        if self._settings.frames and index >= self._settings.frames:
            raise EndOfStreamError(
                f"camera {self._name}: the scene has ended after {self._settings.frames} frames"
            )
        frame = self._make_frame(index)
        self._next_index, self._next_seq = index + 1, self._next_seq + 1
        return frame

    def close(self) -> None:
        """Refuse further frames; the scene's time goes on."""
        self._is_open = False

    def _make_frame(self, index: int) -> Frame:
        pixels = self._render(index)
        return Frame(
            camera=self._name,
            seq=self._next_seq,
            captured_ns=self._due_ns(index),
            received_ns=self._clock.monotonic_ns(),
            pixels=pixels,
            format=PixelFormat.BGR24,
            width=self._settings.width,
            height=self._settings.height,
        )

    def _render(self, index: int) -> U8:
        cycle = self._settings.cycle
        if not cycle:
            return self.scene.render_frame(index)
        # The cached frame is delivered without a copy: only masks are painted on it, and they are always the same.
        if index % cycle not in self._cycle_cache:
            scene_index = int(_CYCLE_START_S * _CYCLE_HZ) + index % cycle
            self._cycle_cache[index % cycle] = self.scene.render_frame(scene_index)
        return self._cycle_cache[index % cycle]

    def _due_ns(self, index: int) -> int:
        """Return when frame `index` is taken, monotonic nanoseconds."""
        return self._start_ns + round(index * NS_PER_S / self._settings.fps)

    def _await_next(self, timeout_s: float) -> int:
        """Wait for the newest frame that was not delivered yet, and return its index."""
        wait_s = (self._due_ns(self._next_index) - self._clock.monotonic_ns()) / NS_PER_S
        if wait_s > timeout_s:
            self._clock.sleep(timeout_s)
            raise CameraTimeoutError(
                f"camera {self._name}: no frame within {timeout_s:g} s; at {self._settings.fps:g} fps the next one is due in {wait_s:.2f} s"
            )
        if wait_s > 0:
            self._clock.sleep(wait_s)
        elapsed_s = (self._clock.monotonic_ns() - self._due_ns(0)) / NS_PER_S
        return max(self._next_index, int(elapsed_s * self._settings.fps))
