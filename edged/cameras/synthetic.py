"""A camera that shows a made-up scene: no hardware, the same pictures each time, and the truth about them.

The scene's time line begins when the camera is first opened, and goes on while it is closed.
"""

from functools import cached_property
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edged.clock import NS_PER_S, Clock
from edged.errors import CameraError, CameraTimeoutError, EndOfStreamError
from edged.interfaces import CameraInfo
from edged.marks import MARK_LABELS
from edged.marks.mark import U8
from edged.marks.synthetic_scene import SyntheticScene
from edged.types import Frame, PixelFormat

Label = Literal[
    "qr_code",
    "barcode",
    "fiducial_tag",
    "warning_sign",
    "prohibition_sign",
    "mandatory_sign",
    "safe_condition_sign",
    "fire_sign",
]

_CYCLE_HZ = 15.0
_CYCLE_START_S = 2.0
"""A cycle shows the scene from here on at this rate, however fast its frames are given: always the same, and never empty."""


class SyntheticCamera:
    """Printed marks that enter a room, stay for a while, and leave; see `edged.marks.synthetic_scene.SyntheticScene`.

    In real time a frame that nobody fetched is skipped, as with any live camera: the next one shows the scene as it is by then. At
    full speed every frame is given, as fast as it is fetched, and `captured_ns` is the scene's own time.
    """

    class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Keys of a ``source = "synthetic"`` camera."""

        width: Annotated[int, Meta(ge=64, le=7680, description="Of the frames, pixels.")] = 640
        height: Annotated[int, Meta(ge=64, le=4320, description="Of the frames, pixels.")] = 480
        fps: Annotated[
            float, Meta(gt=0, le=1000, description="Frames a second of the scene's time.")
        ] = 15.0
        seed: Annotated[
            int, Meta(ge=0, lt=2**31, description="Another number gives another scene.")
        ] = 1
        speed: Annotated[
            Literal["real", "max"],
            Meta(description='"real" keeps the pace of fps; "max" goes as fast as it can.'),
        ] = "real"
        frames: Annotated[
            int, Meta(ge=0, description="The scene ends after so many frames; 0: never.")
        ] = 0
        cycle: Annotated[
            int,
            Meta(
                ge=0,
                le=1000,
                description="The scene repeats after so many frames, which stay in memory: frames that cost nothing, for benchmarks; 0: never.",
            ),
        ] = 0
        every_s: Annotated[
            float, Meta(ge=0.2, le=3600, description="A mark enters so often, in seconds.")
        ] = 4.0
        stay_s: Annotated[
            float, Meta(ge=1.5, le=3600, description="And stays about so long, in seconds.")
        ] = 5.0
        labels: Annotated[
            tuple[Label, ...], Meta(min_length=1, description="Which marks take part.")
        ] = MARK_LABELS  # type: ignore[assignment]  # the same strings, and a test says so
        noise: Annotated[
            float, Meta(ge=0, le=60, description="Of the sensor: standard deviation, grey levels.")
        ] = 4.0

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
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
    def stage(self) -> SyntheticScene:
        """The scene, with its schedule and its truth for every frame index."""
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
        """See `Camera`; never fails."""
        s = self._settings
        _ = self.stage  # drawn now, not within the first frame's time
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
        """See `Camera`."""
        if not self._is_open:
            raise CameraError(f"camera {self._name}: grab before open")
        index = self._next_index if self._settings.speed == "max" else self._await_next(timeout_s)
        if self._settings.frames and index >= self._settings.frames:
            raise EndOfStreamError(
                f"camera {self._name}: the scene has ended after {self._settings.frames} frames"
            )
        pixels = self._render(index)
        frame = Frame(
            camera=self._name,
            seq=self._next_seq,
            captured_ns=self._due_ns(index),
            received_ns=self._clock.monotonic_ns(),
            pixels=pixels,
            format=PixelFormat.BGR24,
            width=self._settings.width,
            height=self._settings.height,
        )
        self._next_index, self._next_seq = index + 1, self._next_seq + 1
        return frame

    def _render(self, index: int) -> U8:
        cycle = self._settings.cycle
        if not cycle:
            return self.stage.render_frame(index)
        # Given out again and again without a copy: masks, which alone are painted on it, are always the same.
        if index % cycle not in self._cycle_cache:
            shown = int(_CYCLE_START_S * _CYCLE_HZ) + index % cycle
            self._cycle_cache[index % cycle] = self.stage.render_frame(shown)
        return self._cycle_cache[index % cycle]

    def index_of(self, frame: Frame) -> int:
        """The index k for which `Stage.truth` tells what this camera's `frame` shows."""
        return round((frame.captured_ns - self._start_ns) * self._settings.fps / NS_PER_S)

    def close(self) -> None:
        """See `Camera`."""
        self._is_open = False

    def _due_ns(self, index: int) -> int:
        """When frame `index` is taken, on the monotonic line."""
        return self._start_ns + round(index * NS_PER_S / self._settings.fps)

    def _await_next(self, timeout_s: float) -> int:
        """Wait for the newest frame that was not given yet, and tell its index."""
        wait_s = (self._due_ns(self._next_index) - self._clock.monotonic_ns()) / NS_PER_S
        if wait_s > timeout_s:
            self._clock.sleep(timeout_s)
            raise CameraTimeoutError(
                f"camera {self._name}: no frame within {timeout_s:g} s; at {self._settings.fps:g} fps the next is due in {wait_s:.2f} s"
            )
        if wait_s > 0:
            self._clock.sleep(wait_s)
        elapsed_s = (self._clock.monotonic_ns() - self._due_ns(0)) / NS_PER_S
        return max(self._next_index, int(elapsed_s * self._settings.fps))
