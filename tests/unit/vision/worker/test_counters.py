"""A camera's driver that could not return while its worker was paused does not hang."""

import pytest

from edged.clock import NS_PER_S
from edged.errors import WorkerError
from edged.vision.worker.capture import DRIVER_MARGIN_S
from edged.vision.worker.capture_status import CaptureState, CaptureStatus
from edged.vision.worker.counters import FrameCounters
from edged.vision.worker.frame_selection import FrameSelection
from edged.vision.worker.slots import FrameSlots
from support.clock import FakeClock

TIMEOUT_S = 5.0


class StuckCapture:
    """A camera whose driver's call does not return."""

    def __init__(self, clock: FakeClock) -> None:
        due_ns = clock.monotonic_ns() + int((TIMEOUT_S + DRIVER_MARGIN_S) * NS_PER_S)
        self.status = CaptureStatus(
            name="front", state=CaptureState.OPENING, since_ns=0, driver_due_ns=due_ns
        )


def report(
    counters: FrameCounters, clock: FakeClock, capture: StuckCapture, seconds: float
) -> None:
    """Let the worker report for so long, four times a second."""
    for _ in range(int(seconds * 4)):
        clock.sleep(0.25)
        counters.make_camera_report(capture)  # type: ignore[arg-type] # it has a status


@pytest.mark.parametrize("pause_s", [60.0, 7200.0])
@pytest.mark.parametrize("before_s", [0.0, 1.0])
def test_a_pause_of_the_worker_is_no_hang_of_a_driver(pause_s: float, before_s: float) -> None:
    clock = FakeClock()
    counters, capture = (
        FrameCounters(["front"], FrameSelection(["front"], FrameSlots(["front"])), clock),
        StuckCapture(clock),
    )
    report(counters, clock, capture, before_s)
    clock.sleep(pause_s)
    report(counters, clock, capture, 1.0)
    with pytest.raises(WorkerError, match="has not returned"):
        report(counters, clock, capture, TIMEOUT_S + DRIVER_MARGIN_S + 1)
