"""Counts of each camera's frames, for the reports."""

from collections.abc import Sequence

from edged.clock import NS_PER_S, Clock, PauseFreeClock
from edged.errors import WorkerError
from edged.types import Frame
from edged.vision.camera_messages import CameraReport
from edged.vision.worker.capture import DRIVER_MARGIN_S, Capture
from edged.vision.worker.capture_status import CaptureState, CaptureStatus
from edged.vision.worker.frame_selection import FrameSelection

MAX_REPORT_GAP_S = 1.0
"""The worker reports several times a second; what is longer than this was a pause of the worker itself, in which no driver could return."""


class FrameCounters:
    """Counts the frames that were taken; every frame of a camera is inferred, failed, dropped or left out in the end."""

    def __init__(self, cameras: Sequence[str], selection: FrameSelection, clock: Clock) -> None:
        self._selection = selection
        self._clock = clock
        self._unpaused_clock = PauseFreeClock(clock, MAX_REPORT_GAP_S)
        self._driver_dues: dict[str, tuple[int, int]] = {}
        """When the call that each camera's driver is in is to return: as the capture has it, and on the time line without pauses."""
        self._inferred = dict.fromkeys(cameras, 0)
        self._failed = dict.fromkeys(cameras, 0)
        self._unsent = dict.fromkeys(cameras, 0)
        self.consecutive_failures = 0

    def count_inferred(self, frame: Frame, *, is_sent: bool) -> None:
        """Count a frame that the model ran on; as dropped, if its observation was not sent."""
        self.consecutive_failures = 0
        counts = self._inferred if is_sent else self._unsent
        counts[frame.camera] += 1

    def count_failed(self, frame: Frame) -> None:
        """Count a frame on which the model failed."""
        self.consecutive_failures += 1
        self._failed[frame.camera] += 1

    def make_camera_report(self, capture: Capture) -> CameraReport:
        """Return the report on one camera.

        Raises:
            WorkerError: the camera's driver hangs beyond its own timeouts.
        """
        # The counts first: a frame must not count as inferred before it counts as captured.
        name = capture.status.name
        inferred, failed, unsent = self._inferred[name], self._failed[name], self._unsent[name]
        still, over_rate = self._selection.still_count(name), self._selection.over_rate_count(name)
        status = capture.status
        self._check_driver(status)
        dropped = status.dropped + unsent
        is_settled = status.captured == dropped + inferred + failed + still + over_rate
        state = status.state
        if state is CaptureState.ENDED and not is_settled:
            state = CaptureState.RUNNING  # its last frame still waits for inference
        info = status.info
        return CameraReport(
            name=name,
            state=state.value,
            reason=status.reason or "",
            description=info.description if info else "",
            width=info.width if info else 0,
            height=info.height if info else 0,
            fps=info.fps if info else 0.0,
            captured=status.captured,
            dropped=dropped,
            inferred=inferred,
            failed=failed,
            still=still,
            over_rate=over_rate,
            reconnects=status.reconnects,
            is_live=info is not None and not info.lossless,
            last_frame_ns=status.last_frame_ns,
        )

    def _check_driver(self, status: CaptureStatus) -> None:
        due_ns = status.driver_due_ns
        if due_ns is None:
            self._driver_dues.pop(status.name, None)
            return
        now_ns, known = self._unpaused_clock.monotonic_ns(), self._driver_dues.get(status.name)
        if known is None or known[0] != due_ns:
            # A call is noticed as it begins, or after a pause; then its own margin is left.
            left_ns = max(due_ns - self._clock.monotonic_ns(), int(DRIVER_MARGIN_S * NS_PER_S))
            known = self._driver_dues[status.name] = due_ns, now_ns + left_ns
        if now_ns > known[1]:
            raise WorkerError(
                f"camera {status.name}: its driver has not returned {DRIVER_MARGIN_S:g} s after its own timeout"
            )
