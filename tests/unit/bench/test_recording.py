"""What the subscriber recorded, and what is computed from it."""

import pytest

from edged.bench.camera_rates import compute_rates
from edged.bench.measure_run import count_rate
from edged.bench.recording import (
    FrameArrival,
    HealthArrival,
    inferred_share,
    parse_arrivals,
    select_frames,
    select_health,
)
from edged.bench.scenarios.update import split_frames
from edged.clock import NS_PER_S
from edged.errors import EdgedError
from edged.messaging.contract.camera_health import CameraHealth

RECORDED = (
    b"ready\n"
    b'1000 edged/v1/bench/up/camera/bench/detections {"frame":4,"received_ns":700,"x":"a b"}\n'
    b'1500 edged/v1/bench/up/health {"cameras":{"bench":{"online":true,"fps_in":1,"fps_inferred":1,'
    b'"frames":10,"inferred":8,"dropped":2,"last_frame_age_s":null}}}\n'
    b"1600 edged/v1/bench/up/health {"
)


def test_a_recording_has_times_topics_and_payloads_and_no_half_line() -> None:
    arrivals = parse_arrivals(RECORDED)
    assert [one.arrived_ns for one in arrivals] == [1000, 1500]
    assert select_frames(arrivals) == [FrameArrival(frame=4, received_ns=700, arrived_ns=1000)]
    assert select_frames(arrivals)[0].latency_s == pytest.approx(300e-9)
    [health] = select_health(arrivals)
    assert (health.cameras["bench"].inferred, health.arrived_ns) == (8, 1500)


def frame(number: int, received_s: float, latency_s: float = 0.01) -> FrameArrival:
    received_ns = int(received_s * NS_PER_S)
    return FrameArrival(
        frame=number, received_ns=received_ns, arrived_ns=received_ns + int(latency_s * NS_PER_S)
    )


def test_frames_without_a_message_count() -> None:
    assert count_rate([frame(10, 1.0), frame(30, 1.5), frame(70, 3.0)], "x") == pytest.approx(30.0)


@pytest.mark.parametrize("frames", [[], [frame(1, 1.0)], [frame(1, 1.0), frame(2, 1.0)]])
def test_too_few_frames_are_an_error(frames: list[FrameArrival]) -> None:
    with pytest.raises(EdgedError, match="measure for longer"):
        count_rate(frames, "edged")


def health(at_s: float, frames: int, inferred: int) -> HealthArrival:
    camera = CameraHealth(
        online=True,
        fps_in=0.0,
        fps_inferred=0.0,
        frames=frames,
        inferred=inferred,
        dropped=0,
        last_frame_age_s=None,
    )
    return HealthArrival(cameras={"c0": camera}, arrived_ns=int(at_s * NS_PER_S))


def test_rates_are_those_between_the_first_and_the_last_report_of_the_time() -> None:
    reports = [health(0.5, 0, 0), health(1.0, 30, 20), health(2.0, 60, 45), health(3.0, 90, 60)]
    rates = compute_rates(reports, NS_PER_S, 3 * NS_PER_S)["c0"]
    assert (rates.fps, rates.inferred_fps) == pytest.approx((30.0, 20.0))
    with pytest.raises(EdgedError, match="too seldom"):
        compute_rates(reports, 2 * NS_PER_S, int(2.5 * NS_PER_S))


def test_the_inferred_share_is_that_of_the_latest_report_that_counts_frames() -> None:
    assert inferred_share([health(1.0, 10, 10), health(2.0, 40, 30), health(3.0, 0, 0)]) == 0.75
    assert inferred_share([]) == 1.0


def test_frames_of_an_update_begin_at_the_request_and_end_at_the_trial() -> None:
    frames = [frame(k, k * 0.1, latency_s=k / 1000) for k in range(10)]
    begin, request, end = (int(s * NS_PER_S) for s in (0.15, 0.45, 0.75))
    before, during = split_frames(frames, begin, request, end)
    assert before == pytest.approx([0.002, 0.003, 0.004])
    assert during == pytest.approx([0.005, 0.006, 0.007])
