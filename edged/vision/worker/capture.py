"""One camera's thread: open the camera, put its frames into the slot, notice a loss or a stall, back off, open again.

::

    opening ──frames──▶ running ──end──▶ ended
       │                 │   ▲
       └────failure────▶ lost┘ frames again

A camera is *lost* when its driver raises `CameraError`, or when no frame came for `max_silence_s`. It is then closed, and opened again after
a jittered wait, without limit: a camera that is plugged in again, or a recorder that was rebooted, must come back by itself.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from math import inf

from edged.backoff import Backoff
from edged.clock import NS_PER_S, Clock
from edged.errors import CameraError, CameraTimeoutError, EndOfStreamError
from edged.interfaces import Camera, CameraInfo, Reducible
from edged.types import Frame
from edged.vision.worker.capture_status import CaptureCounts, CaptureState, CaptureStatus
from edged.vision.worker.slots import FrameSlots

_log = logging.getLogger(__name__)

SizeRule = Callable[[int, int], tuple[int, int] | None]
"""Gets a camera's width and height in pixels; returns how large its frames must be at least, None for full size."""

MIN_RETRY_S = 0.5
MAX_RETRY_S = 4.0
"""With an `open` that gives up after 5 s, a source that is back is noticed within 10 s."""
DRIVER_MARGIN_S = 20.0
"""A driver that returns so long after its own timeout hangs."""
_MIN_STABLE_S = 5.0
"""A camera that ran for so long is reopened promptly after its next loss."""
_MIN_GRAB_TIMEOUT_S = 0.5
"""A stop is noticed within this time, unless the camera delivers fewer than four frames per second."""
_MAX_GRAB_TIMEOUT_S = 5.0
_MAX_CLOSE_S = 5.0
_DEFAULT_PERIOD_S = 1.0
_MIN_SILENCE_S = 2.0


def max_silence_s(info: CameraInfo) -> float:
    """Return after how many seconds without a frame a camera is lost: five frame periods, and at least two seconds.

    A driver with a limit of its own reports the loss itself, and a recording is never lost while it waits for its next frame.
    """
    if info.is_recording:
        return inf
    own_limit_s = 0.0 if info.max_silence_s is None else info.max_silence_s + _MIN_SILENCE_S
    return max(_MIN_SILENCE_S, 5 * _period_s(info.fps), own_limit_s)


def _period_s(fps: float) -> float:
    return 1 / fps if fps > 0 else _DEFAULT_PERIOD_S


class Capture:
    """Runs one camera for as long as it has frames; any thread may read `status`."""

    def __init__(
        self,
        camera: Camera,
        *,
        name: str,
        slots: FrameSlots,
        clock: Clock,
        begin: threading.Event | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            camera: not open; used by this capture alone.
            name: the camera's name in the configuration; `slots` has a slot of that name.
            slots: takes the frames.
            clock: the clock of all times in `CaptureStatus`.
            begin: set when the camera may be opened, for a recording, whose time begins then; None: it may be at once.
            backoff: between attempts to open.
        """
        self._camera = camera
        self._name = name
        self._slots = slots
        self._clock = clock
        self._begin = begin
        self._size_rule: SizeRule | None = None
        self._backoff = backoff or Backoff(initial_s=MIN_RETRY_S, max_s=MAX_RETRY_S)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name=f"camera-{name}", daemon=True)
        self._status = CaptureStatus(
            name=name, state=CaptureState.OPENING, since_ns=clock.monotonic_ns()
        )
        """What changes seldom; replaced as a whole, by the camera's thread only."""
        self._counts = CaptureCounts()
        """What changes with each frame; replaced as a whole, by the camera's thread only."""
        self._driver_due_ns: int | None = None

    @property
    def status(self) -> CaptureStatus:
        """The camera's state and counters now."""
        # The counts last: once a camera has ended, they are final.
        status = self._status
        counts = self._counts
        return replace(
            status,
            captured=counts.captured,
            dropped=counts.skipped + self._slots.dropped_count(self._name),
            last_frame_ns=counts.last_frame_ns,
            driver_due_ns=self._driver_due_ns,
        )

    def set_size_rule(self, rule: SizeRule) -> None:
        """Let the camera deliver frames as small as they may be by `rule`, if it saves work that way; callable from any thread."""
        self._size_rule = rule
        info = self._status.info
        if info is not None:
            self._apply_size_rule(info)

    def start(self) -> None:
        """Start the camera's thread."""
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End the thread and close the camera; return False if the driver did not return within `timeout_s` seconds.

        A thread that is still in its driver does not keep the process alive.
        """
        self._stopping.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def run(self) -> None:
        """Capture until the camera has ended or was stopped; the thread runs this."""
        while self._begin is not None and not self._stopping.is_set():
            if self._begin.wait(_MIN_GRAB_TIMEOUT_S):
                self._begin = None
        while not self._stopping.is_set():
            try:
                self._capture_frames()
            except EndOfStreamError as error:
                self._enter_state(CaptureState.ENDED, str(error))
                _log.info("camera %s: %s", self._name, error)
                return
            except CameraError as error:
                self._on_camera_lost(str(error))
            except Exception as error:  # noqa: BLE001 - a bug in a driver must not end its camera for good
                _log.exception("camera %s: its driver failed", self._name)
                self._on_camera_lost(f"its driver failed: {error!r}")
            finally:
                self._close_camera()
            self._stopping.wait(self._backoff.next_wait_s())

    def _capture_frames(self) -> None:
        """Open the camera and take its frames until it fails, ends, or is stopped."""
        self._begin_driver_call(self._camera.max_open_s)
        info = self._camera.open()
        self._driver_due_ns = None
        self._status = replace(self._status, info=info)
        self._apply_size_rule(info)
        received_ns = now_ns = self._clock.monotonic_ns()
        max_silent_ns = max_silence_s(info) * NS_PER_S
        grab_timeout_s = min(_MAX_GRAB_TIMEOUT_S, max(_MIN_GRAB_TIMEOUT_S, 2 * _period_s(info.fps)))
        max_grab_ns = int((grab_timeout_s + DRIVER_MARGIN_S) * NS_PER_S)
        while not self._stopping.is_set():
            self._driver_due_ns = now_ns + max_grab_ns
            try:
                frame = self._camera.grab(grab_timeout_s)
            except CameraTimeoutError as error:
                now_ns = self._clock.monotonic_ns()
                if now_ns - received_ns < max_silent_ns:
                    continue
                silent_s = (now_ns - received_ns) / NS_PER_S
                raise CameraError(
                    f"no frame for {silent_s:.1f} s from {info.description}"
                ) from error
            self._driver_due_ns = None
            self._count_frame(frame)
            self._put_frame(frame, lossless=info.lossless)
            del frame  # it is the loop's alone: its memory is free for the next one
            # Only now: while a slow consumer takes the frame, the camera is not silent.
            received_ns = now_ns = self._clock.monotonic_ns()

    def _apply_size_rule(self, info: CameraInfo) -> None:
        if self._size_rule is not None and isinstance(self._camera, Reducible):
            self._camera.set_needed_size(self._size_rule(info.width, info.height))

    def _count_frame(self, frame: Frame) -> None:
        if self._status.state is not CaptureState.RUNNING:
            self._enter_running()
        counts = self._counts
        self._counts = CaptureCounts(
            frame.seq + 1, counts.skipped + frame.seq - counts.captured, frame.received_ns
        )

    def _enter_running(self) -> None:
        has_reconnected = self._status.state is CaptureState.LOST
        self._enter_state(CaptureState.RUNNING, None)
        self._status = replace(self._status, reconnects=self._status.reconnects + has_reconnected)
        _log.info("camera %s: frames arrive%s", self._name, " again" if has_reconnected else "")

    def _put_frame(self, frame: Frame, *, lossless: bool) -> None:
        if not lossless:
            self._slots.put(frame)
            return
        while not self._slots.offer(frame, _MIN_GRAB_TIMEOUT_S):
            if self._stopping.is_set():
                counts = self._counts
                self._counts = counts._replace(skipped=counts.skipped + 1)
                return

    def _on_camera_lost(self, reason: str) -> None:
        status = self._status
        if status.reason != reason:
            _log.debug("camera %s is lost: %s", self._name, reason)  # the supervisor logs the error
        in_state_ns = self._clock.monotonic_ns() - status.since_ns
        if status.state is CaptureState.RUNNING and in_state_ns > _MIN_STABLE_S * NS_PER_S:
            self._backoff.reset()
        self._enter_state(CaptureState.LOST, reason)

    def _enter_state(self, state: CaptureState, reason: str | None) -> None:
        since_ns = self._status.since_ns
        if state is not self._status.state:
            since_ns = self._clock.monotonic_ns()
        self._status = replace(self._status, state=state, since_ns=since_ns, reason=reason)

    def _begin_driver_call(self, timeout_s: float) -> None:
        due_ns = self._clock.monotonic_ns() + int((timeout_s + DRIVER_MARGIN_S) * NS_PER_S)
        self._driver_due_ns = due_ns

    def _close_camera(self) -> None:
        self._begin_driver_call(_MAX_CLOSE_S)
        self._camera.close()
        self._driver_due_ns = None
