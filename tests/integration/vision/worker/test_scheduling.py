"""Cameras that share an accelerator in a real worker: every frame is accounted for, and shares follow weights."""

from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.vision.camera_messages import CameraPlan
from edged.vision.messages import ModelReady, Observation, WorkerFault, WorkerPlan
from support.vision_worker import (
    WorkerUnderTest,
    live_camera,
    make_plan,
    simulated_model,
)

NAMES = ("a", "b")


def weighted(plan: WorkerPlan, *weights: float) -> WorkerPlan:
    """Return the plan with these weights of its cameras."""
    cameras = tuple(CameraPlan(min_score=0.3, weight=weight) for weight in weights)
    return replace(plan, cameras=cameras)


def check_order_and_counts(worker: WorkerUnderTest) -> None:
    """Check that each camera's frames came in order, and that every one was inferred, dropped or failed."""
    report = worker.read_until_ended(NAMES)
    seen = worker.observations()
    for index, camera in enumerate(report.cameras):
        numbers = [one.frame_seq for one in seen if one.camera == index]
        assert numbers == sorted(set(numbers))
        assert camera.inferred == len(numbers) > 0
        assert camera.captured == camera.inferred + camera.dropped + camera.failed


@pytest.mark.parametrize("delegate", [None, "sim"])
def test_every_frame_is_accounted_for(tmp_path: Path, delegate: str | None) -> None:
    model = simulated_model(tmp_path, "m", latency_ms=8, delegate=delegate)
    cameras = [live_camera(100, name) for name in NAMES]
    with WorkerUnderTest(make_plan(0, model, cameras=2), *cameras) as worker:
        check_order_and_counts(worker)


def test_failures_on_an_accelerator_are_counted(tmp_path: Path) -> None:
    model = simulated_model(tmp_path, "m", latency_ms=8, delegate="sim", fail_after=60)
    with WorkerUnderTest(make_plan(0, model), live_camera(0, "a")) as worker:
        worker.read_until(Observation)
        while worker.read_message() is not None:
            pass
        fault = worker.status_messages()[-1]
        assert "failed on purpose" in str(fault)
        assert worker.stop()[0] == 1


def test_a_model_changes_while_frames_are_in_flight(tmp_path: Path) -> None:
    one = simulated_model(tmp_path, "one", latency_ms=8, delegate="sim")
    other = simulated_model(tmp_path, "other", latency_ms=6, delegate="sim")
    cameras = [live_camera(1000, name) for name in NAMES]
    with WorkerUnderTest(make_plan(0, one, cameras=2), *cameras) as worker:
        for number, model in enumerate((other, one, other), start=1):
            worker.read_observations(5)
            worker.send_plan(make_plan(number, model, cameras=2))
            worker.read_until(ModelReady, lambda ready, number=number: ready.plan == number)  # type: ignore[misc] # bound now
        check_order_and_counts(worker)


def test_shares_follow_the_weights_and_a_change_of_them(tmp_path: Path) -> None:
    model = simulated_model(tmp_path, "m", latency_ms=30, delegate="sim")
    plan = make_plan(0, model, cameras=2)
    cameras = [live_camera(0, name) for name in NAMES]
    with WorkerUnderTest(weighted(plan, 3.0, 1.0), *cameras) as worker:
        worker.read_observations(8)
        first = Counter(one.camera for one in worker.read_observations(80))
        assert 2.0 <= first[0] / first[1] <= 4.0
        worker.send_plan(weighted(plan, 1.0, 3.0))
        worker.read_observations(20)
        second = Counter(one.camera for one in worker.read_observations(80))
        assert 2.0 <= second[1] / second[0] <= 4.0


def test_an_accelerator_that_hangs_silences_the_worker(tmp_path: Path) -> None:
    model = simulated_model(tmp_path, "m", latency_ms=8, delegate="sim", hang_after=40)
    with WorkerUnderTest(make_plan(0, model), live_camera(0, "a")) as worker:
        worker.read_observations(10)
        with pytest.raises(TimeoutError):
            worker.read_until(WorkerFault, timeout_s=2.0)
        assert len(worker.observations()) <= 40
