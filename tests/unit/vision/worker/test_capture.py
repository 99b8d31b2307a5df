import pytest

from edged.backoff import Backoff
from edged.clock import NS_PER_S
from edged.errors import CameraError, CameraTimeoutError
from edged.interfaces import CameraInfo
from edged.types import Frame
from edged.vision.worker.capture import DRIVER_MARGIN_S, Capture, max_silence_s
from edged.vision.worker.capture_status import CaptureState
from edged.vision.worker.slots import FrameSlots
from support.cameras import CameraStep, ScriptedCamera, end_of_stream, frame
from support.clock import FakeClock


class CountingJitter:
    """Instead of chance: no wait at all, and a count."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> float:
        self.count += 1
        return 0.0


class CaptureBench:
    """One scripted camera, run to its end in this thread."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.slots = FrameSlots(["front"])
        self.jitter = CountingJitter()
        self.states: list[CaptureState] = []

    def run(
        self,
        *steps: CameraStep,
        opens: tuple[Exception | None, ...] = (),
        info: CameraInfo | None = None,
    ) -> Capture:
        self.camera = ScriptedCamera(self.clock, steps, opens=opens, info=info)
        self.capture = Capture(
            self.camera,
            name="front",
            slots=self.slots,
            clock=self.clock,
            backoff=Backoff(initial_s=0.5, max_s=4.0, draw=self.jitter),
        )
        self.capture.run()
        return self.capture

    def record_state(self) -> None:
        self.states.append(self.capture.status.state)


def test_states_from_opening_to_ended() -> None:
    bench = CaptureBench()
    capture = bench.run(bench.record_state, frame(0), bench.record_state, end_of_stream())

    status = capture.status
    assert bench.states == [CaptureState.OPENING, CaptureState.RUNNING]
    assert status.state is CaptureState.ENDED
    assert status.reason == "the script has ended"
    assert status.info == CameraInfo(width=4, height=2, fps=10.0, description="a simulated camera")
    assert bench.camera.close_count == 1


def test_every_frame_is_taken_or_counted_as_dropped() -> None:
    bench = CaptureBench()
    # 3 and 4 were skipped by the driver, 0 to 2 and 5 are replaced in the slot.
    capture = bench.run(frame(0), frame(1), frame(2), frame(5), frame(6), end_of_stream())

    taken = bench.slots.take(0)
    assert taken is not None
    assert taken.seq == 6
    status = capture.status
    assert (status.captured, status.dropped) == (7, 6)


def test_a_lossless_camera_waits_for_its_consumer() -> None:
    bench = CaptureBench()
    taken: list[int] = []

    def take() -> None:
        one = bench.slots.take(0)
        assert one is not None
        taken.append(one.seq)

    lossless = CameraInfo(
        width=4, height=2, fps=10.0, description="a simulated camera", lossless=True
    )
    capture = bench.run(
        frame(0), take, frame(1), take, frame(2), take, end_of_stream(), info=lossless
    )

    assert taken == [0, 1, 2]
    assert (capture.status.captured, capture.status.dropped) == (3, 0)


def test_a_lost_camera_is_closed_and_opened_again() -> None:
    bench = CaptureBench()
    capture = bench.run(
        frame(0),
        CameraError("unplugged"),
        bench.record_state,
        frame(1),
        bench.record_state,
        end_of_stream(),
        opens=(None, CameraError("no device"), None),
    )

    assert bench.states == [CaptureState.LOST, CaptureState.RUNNING]
    assert (bench.camera.open_count, bench.camera.close_count) == (3, 3)
    assert capture.status.reconnects == 1
    assert bench.jitter.count == 2


def test_the_reason_of_a_loss_can_be_read() -> None:
    bench = CaptureBench()
    reasons: list[str | None] = []
    bench.run(
        frame(0),
        CameraError("unplugged"),
        lambda: reasons.append(bench.capture.status.reason),
        frame(1),
        lambda: reasons.append(bench.capture.status.reason),
        end_of_stream(),
    )

    assert reasons == ["unplugged", None]


@pytest.mark.parametrize(
    ("fps", "own_limit_s", "limit_s"),
    [
        (30.0, None, 2.0),
        (2.5, None, 2.0),
        (1.0, None, 5.0),
        (0.0, None, 5.0),
        (25.0, 20.0, 22.0),
        (0.1, 20.0, 50.0),
    ],
)
def test_a_camera_is_lost_after_five_periods_and_never_before_its_drivers_own_limit(
    fps: float, own_limit_s: float | None, limit_s: float
) -> None:
    info = CameraInfo(width=4, height=2, fps=fps, description="", max_silence_s=own_limit_s)

    assert max_silence_s(info) == limit_s


def test_a_recording_is_not_lost_while_it_waits_for_its_next_frame() -> None:
    bench = CaptureBench()
    recording = CameraInfo(width=4, height=2, fps=10.0, description="", is_recording=True)
    capture = bench.run(
        frame(0),
        *[CameraTimeoutError("the next picture is due later")] * 20,
        lambda: bench.clock.sleep(3600),
        CameraTimeoutError("the next picture is due later"),
        frame(1),
        end_of_stream(),
        info=recording,
    )

    assert (capture.status.captured, capture.status.reconnects) == (2, 0)
    assert bench.camera.open_count == 1


def test_a_silent_camera_is_lost_after_the_stall_limit_and_not_before() -> None:
    bench = CaptureBench()
    moments: list[float] = []

    def silence() -> CameraTimeoutError:
        return CameraTimeoutError("no frame")

    def pass_time(seconds: float) -> None:
        bench.clock.sleep(seconds)
        moments.append(bench.camera.close_count)

    capture = bench.run(
        frame(0, clock=bench.clock),
        lambda: pass_time(1.9),
        silence(),
        lambda: pass_time(0.2),
        silence(),
        bench.record_state,
        lambda: moments.append(bench.camera.close_count),
        end_of_stream(),
    )

    assert moments == [0, 0, 1]
    assert bench.states == [CaptureState.LOST]
    assert capture.status.state is CaptureState.ENDED


def test_a_slow_consumer_of_a_lossless_camera_is_no_stall() -> None:
    bench = CaptureBench()

    class SlowSlots(FrameSlots):
        def offer(self, frame: Frame, timeout_s: float) -> bool:
            bench.clock.sleep(60)
            return super().offer(frame, timeout_s)

    bench.slots = SlowSlots(["front"])
    lossless = CameraInfo(
        width=4, height=2, fps=10.0, description="a simulated camera", lossless=True
    )
    bench.run(
        frame(0, clock=bench.clock), CameraTimeoutError("busy"), end_of_stream(), info=lossless
    )

    assert bench.camera.open_count == 1


def test_a_fault_in_a_driver_is_a_loss_and_not_the_end(caplog: pytest.LogCaptureFixture) -> None:
    bench = CaptureBench()
    capture = bench.run(frame(0), ZeroDivisionError("oops"), frame(1), end_of_stream())

    assert capture.status.reconnects == 1
    assert "its driver failed" in caplog.text


def test_when_the_driver_must_have_returned_is_seen_from_outside() -> None:
    bench = CaptureBench()
    margins_ns: list[int] = []

    def hang() -> None:
        due_ns = bench.capture.status.driver_due_ns
        assert due_ns is not None
        margins_ns.append(due_ns - bench.clock.monotonic_ns())

    capture = bench.run(frame(0), hang, frame(1), end_of_stream())

    assert margins_ns == [(DRIVER_MARGIN_S + 0.5) * NS_PER_S]
    assert capture.status.driver_due_ns is None


def test_a_short_run_does_not_make_the_next_wait_short_but_a_steady_one_does() -> None:
    bounds_s: list[float] = []

    class Spy(Backoff):
        def next_wait_s(self) -> float:
            bounds_s.append(self._bound_s)
            return super().next_wait_s()

    clock = FakeClock()
    lost = CameraError("lost")
    steady: CameraStep = lambda: clock.sleep(6)  # noqa: E731 - a step of the script
    camera = ScriptedCamera(
        clock, [frame(0), lost, frame(1), lost, frame(2), steady, lost, frame(3), end_of_stream()]
    )
    backoff = Spy(initial_s=0.5, max_s=4.0, draw=lambda: 0.0)
    Capture(camera, name="front", slots=FrameSlots(["front"]), clock=clock, backoff=backoff).run()

    assert bounds_s == [0.5, 1.0, 0.5]


def test_stop_ends_the_thread_and_closes_the_camera() -> None:
    clock = FakeClock()
    camera = ScriptedCamera(clock, [frame(0)])
    slots = FrameSlots(["front"])
    capture = Capture(camera, name="front", slots=slots, clock=clock)

    capture.start()
    assert slots.take(10) is not None
    assert capture.stop(10)

    assert camera.open_count == camera.close_count


def test_stop_frees_a_lossless_camera_whose_consumer_has_ended() -> None:
    clock = FakeClock()
    lossless = CameraInfo(
        width=4, height=2, fps=10.0, description="a simulated camera", lossless=True
    )
    camera = ScriptedCamera(clock, [frame(0), frame(1)], info=lossless)
    slots = FrameSlots(["front"])
    capture = Capture(camera, name="front", slots=slots, clock=clock)

    capture.start()
    assert capture.stop(10)
    assert slots.take(0) is not None

    status = capture.status
    assert status.captured == status.dropped + 1
