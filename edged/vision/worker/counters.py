"""What became of each camera's frames, for the reports."""

from collections.abc import Sequence

from edged.clock import NS_PER_S, Clock
from edged.errors import WorkerError
from edged.types import Frame
from edged.vision.messages import CameraReport
from edged.vision.worker.capture import Capture
from edged.vision.worker.capture_status import CaptureState

MAX_DRIVER_CALL_S = 30.0
"""No driver call takes longer by itself: each is given a timeout."""


class FrameCounters:
    """Counts the frames that were taken; every one that a camera gave is inferred, failed or dropped in the end."""

    def __init__(self, cameras: Sequence[str], clock: Clock) -> None:
        self._clock = clock
        self._inferred = dict.fromkeys(cameras, 0)
        self._failed = dict.fromkeys(cameras, 0)
        self.consecutive_failures = 0

    def count_inferred(self, frame: Frame) -> None:
        """It was looked at."""
        self.consecutive_failures = 0
        self._inferred[frame.camera] += 1

    def count_failed(self, frame: Frame) -> None:
        """Nothing could look at it."""
        self.consecutive_failures += 1
        self._failed[frame.camera] += 1

    def make_report(self, capture: Capture) -> CameraReport:
        """How one camera does.

        Raises:
            WorkerError: its driver hangs beyond its own timeouts.
        """
        # The counts first: a frame that is captured in between must not look inferred before it was captured.
        name = capture.status.name
        inferred, failed = self._inferred[name], self._failed[name]
        status = capture.status
        in_driver_ns = status.in_driver_since_ns
        if (
            in_driver_ns
            and self._clock.monotonic_ns() - in_driver_ns > MAX_DRIVER_CALL_S * NS_PER_S
        ):
            raise WorkerError(f"the driver of camera {name} hangs")
        settled = status.captured == status.dropped + inferred + failed
        state = status.state
        if state is CaptureState.ENDED and not settled:
            state = CaptureState.RUNNING  # its last frame still waits to be looked at
        info = status.info
        return CameraReport(
            name=name,
            state=state.value,
            reason=status.reason,
            description=info.description if info else "",
            width=info.width if info else 0,
            height=info.height if info else 0,
            fps=info.fps if info else 0.0,
            captured=status.captured,
            dropped=status.dropped,
            inferred=inferred,
            failed=failed,
            reconnects=status.reconnects,
            last_frame_ns=status.last_frame_ns,
        )
