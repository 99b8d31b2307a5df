"""The model changes under running cameras: a real worker process, over the real socket."""

import itertools
import re
from collections import Counter
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from edged.config.settings import ModelSettings
from edged.vision.camera_messages import CameraReport
from edged.vision.messages import ModelReady, Observation, PlanDeclined, WorkerFault, WorkerReport
from support.vision_worker import (
    LIVE_CAMERA,
    WorkerUnderTest,
    camera_job,
    live_camera,
    make_plan,
    reported_ns,
    simulated_model,
)

WARMUP_INVOCATIONS = 2
"""Invocations in which a model is tried before it looks."""


def check_every_frame_is_accounted_for(worker: WorkerUnderTest, report: WorkerReport) -> None:
    """captured = inferred + dropped + failed, nothing told twice, everything in order."""
    seen = worker.observations()
    for index, one in enumerate(report.cameras):
        assert one.captured == one.inferred + one.dropped + one.failed, one
        numbers = [observation.frame_seq for observation in seen if observation.camera == index]
        assert len(numbers) == one.inferred
        assert all(a < b for a, b in itertools.pairwise(numbers))


def print_gap(worker: WorkerUnderTest, report: CameraReport) -> None:
    gaps_ms = np.diff([reported_ns(seen) for seen in worker.observations()]) / 1e6
    print(
        f"dropped {report.dropped} of {report.captured}; between observations: "
        f"longest {gaps_ms.max():.1f} ms, median {np.median(gaps_ms):.1f} ms"
    )


def since_ready(worker: WorkerUnderTest, number: int) -> list[Observation]:
    """What was seen after the switch of that plan was told."""
    messages = [timed.message for timed in worker.messages]
    first = next(
        i
        for i, message in enumerate(messages)
        if isinstance(message, ModelReady) and message.plan == number
    )
    return [message for message in messages[first:] if isinstance(message, Observation)]


def test_a_live_camera_does_not_notice_the_change(tmp_path: Path) -> None:
    first, blind = (
        simulated_model(tmp_path, "first"),
        simulated_model(tmp_path, "blind", blind_after=WARMUP_INVOCATIONS),
    )
    with WorkerUnderTest(make_plan(0, first), live_camera(frames=400)) as worker:
        worker.read_observations(100)
        worker.send_plan(make_plan(1, blind))
        ready = worker.read_until(ModelReady, lambda message: message.plan == 1)
        assert ready.model_name == "blind@1"
        report = worker.read_until_ended()
        check_every_frame_is_accounted_for(worker, report)
        print_gap(worker, report.cameras[0])
    after = since_ready(worker, 1)
    assert len(after) > 50
    assert not any(len(seen.detections) for seen in after)
    before = worker.observations()[: -len(after)]
    assert all(len(seen.detections) for seen in before)
    assert report.cameras[0].reconnects == 0


def test_a_replay_loses_nothing_over_two_changes(tmp_path: Path) -> None:
    first, second = simulated_model(tmp_path, "first"), simulated_model(tmp_path, "second")
    clip = camera_job(speed="max", cycle=16, every_s=0.5, frames=900)
    with WorkerUnderTest(make_plan(0, first), clip) as worker:
        worker.read_observations(100)
        worker.send_plan(make_plan(1, second, shadow=first))
        worker.read_until(ModelReady, lambda message: message.plan == 1)
        worker.read_observations(100)
        worker.send_plan(make_plan(2, first))
        worker.read_until(ModelReady, lambda message: message.plan == 2)
        report = worker.read_until_ended()
    assert [seen.frame_seq for seen in worker.observations()] == list(range(900))
    assert (report.cameras[0].dropped, report.cameras[0].failed) == (0, 0)
    print_gap(worker, report.cameras[0])


def lowest_score(observations: list[Observation]) -> float:
    return min(detected.score for seen in observations for detected in seen.detections)


def test_the_scores_that_are_of_use_change_with_the_plan(tmp_path: Path) -> None:
    model = simulated_model(tmp_path, "model")
    with WorkerUnderTest(make_plan(0, model), LIVE_CAMERA) as worker:
        assert lowest_score(worker.read_observations(32)) < 0.6
        worker.send_plan(make_plan(1, model, name="marks@7", min_score=0.6))
        assert (
            worker.read_until(ModelReady, lambda message: message.plan == 1).model_name == "marks@7"
        )
        assert lowest_score(worker.read_observations(32)) >= 0.6


def test_what_cannot_be_loaded_is_declined_and_the_old_model_goes_on(tmp_path: Path) -> None:
    good = simulated_model(tmp_path, "good")
    no_goldens = tmp_path / "goldens.json"
    with WorkerUnderTest(make_plan(0, good), LIVE_CAMERA) as worker:
        worker.read_until(ModelReady)
        for number, (wrong, reason) in enumerate(
            [
                (
                    make_plan(0, ModelSettings(path=tmp_path / "none")),
                    "cannot read the model .*none",
                ),
                (
                    make_plan(0, simulated_model(tmp_path, "failing", fail_after=1)),
                    "failed on purpose",
                ),
                (make_plan(0, simulated_model(tmp_path, "nan", nan_after=1)), "NaN"),
                (make_plan(0, replace(good, family="yolov8")), "fits no supported family"),
                (
                    make_plan(0, simulated_model(tmp_path, "b"), goldens=no_goldens),
                    r"goldens\.json: No such",
                ),
                (make_plan(0, good, cameras=2), "the plan is for 2 cameras; there are 1"),
            ],
            start=1,
        ):
            worker.send_plan(replace(wrong, number=number))
            declined = worker.read_until(PlanDeclined)
            assert declined.plan == number
            assert re.search(reason, declined.reason), declined
            assert all(len(seen.detections) for seen in worker.read_observations(20))


def test_of_two_quick_plans_the_newest_is_carried_out(tmp_path: Path) -> None:
    first, slow = simulated_model(tmp_path, "first"), simulated_model(tmp_path, "slow", open_ms=400)
    third = simulated_model(tmp_path, "third")
    with WorkerUnderTest(make_plan(0, first), LIVE_CAMERA) as worker:
        worker.read_observations(20)
        worker.send_plan(make_plan(1, slow))
        worker.read_observations(5)
        worker.send_plan(make_plan(2, slow))
        worker.send_plan(make_plan(3, third))
        worker.read_until(ModelReady, lambda message: message.plan == 3)
        worker.read_observations(40)
    assert [
        message.plan for message in worker.status_messages() if isinstance(message, ModelReady)
    ] == [
        0,
        3,
    ]
    assert not [
        message for message in worker.status_messages() if isinstance(message, PlanDeclined)
    ]


def test_a_plan_that_is_carried_out_already_is_answered_at_once(tmp_path: Path) -> None:
    model = simulated_model(tmp_path, "model", open_ms=1000)
    with WorkerUnderTest(make_plan(0, model), LIVE_CAMERA) as worker:
        worker.read_observations(10)
        for number in range(1, 4):
            worker.send_plan(make_plan(number, model))
            assert worker.read_until(ModelReady, lambda message: message.plan > 0).gap_ns < 1e9
            worker.read_observations(2)


def test_the_way_back_to_a_model_that_is_kept_takes_no_loading(tmp_path: Path) -> None:
    old = simulated_model(tmp_path, "old", open_ms=1500)
    with WorkerUnderTest(make_plan(0, old), LIVE_CAMERA) as worker:
        worker.read_observations(10)
        worker.send_plan(make_plan(1, simulated_model(tmp_path, "new"), shadow=old))
        worker.read_until(ModelReady, lambda message: message.plan == 1)
        before = len(worker.observations())
        worker.send_plan(make_plan(2, old))
        worker.read_until(ModelReady, lambda message: message.plan == 2)
        assert len(worker.observations()) - before < 200  # as many as come in a second


def test_a_worker_that_is_stopped_while_it_loads_ends(tmp_path: Path) -> None:
    endless = simulated_model(tmp_path, "endless", open_ms=60_000)
    with WorkerUnderTest(make_plan(0, simulated_model(tmp_path, "first")), LIVE_CAMERA) as worker:
        worker.read_observations(10)
        worker.send_plan(make_plan(1, endless))
        worker.read_observations(40)
        code, took_s = worker.stop()
    print(f"it took {took_s:.2f} s")
    assert code == 0
    assert took_s < 5


def test_a_model_that_cannot_begin_is_a_fault(tmp_path: Path) -> None:
    with WorkerUnderTest(
        make_plan(0, simulated_model(tmp_path, "bad", nan_after=0)), LIVE_CAMERA
    ) as worker:
        fault = worker.read_until(WorkerFault)
        assert (fault.kind, "NaN" in fault.reason) == ("model", True)
        assert worker.stop()[0] == 1


class TestOneDevice:
    """Only one model can have it: the old one makes way before the new one is loaded."""

    def test_the_gap_is_reported_and_there_is_no_shadow(self, tmp_path: Path) -> None:
        old = simulated_model(tmp_path, "old", delegate="tpu")
        new = simulated_model(tmp_path, "new", delegate="tpu", open_ms=300)
        with WorkerUnderTest(make_plan(0, old), live_camera(frames=400)) as worker:
            worker.read_observations(50)
            worker.send_plan(make_plan(1, new, shadow=old, shadow_every=1))
            ready = worker.read_until(ModelReady, lambda message: message.plan == 1)
            assert 300e6 <= ready.gap_ns < 5e9
            report = worker.read_until_ended()
            check_every_frame_is_accounted_for(worker, report)
            print_gap(worker, report.cameras[0])
        assert report.cameras[0].dropped > 10
        assert since_ready(worker, 1)
        kinds = Counter(type(message).__name__ for message in worker.status_messages())
        assert kinds == {"ModelReady": 2}

    def test_a_replay_waits_for_the_device(self, tmp_path: Path) -> None:
        clip = camera_job(speed="max", cycle=16, every_s=0.5, frames=300)
        with WorkerUnderTest(
            make_plan(0, simulated_model(tmp_path, "old", delegate="tpu")), clip
        ) as worker:
            worker.read_observations(50)
            worker.send_plan(
                make_plan(1, simulated_model(tmp_path, "new", delegate="tpu", open_ms=100))
            )
            worker.read_until(ModelReady, lambda message: message.plan == 1)
            worker.read_until_ended()
        assert [seen.frame_seq for seen in worker.observations()] == list(range(300))

    def test_the_old_model_comes_back_if_the_new_one_fails(self, tmp_path: Path) -> None:
        old = simulated_model(tmp_path, "old", delegate="tpu")
        bad = simulated_model(tmp_path, "bad", delegate="tpu", fail_after=0)
        with WorkerUnderTest(make_plan(0, old), LIVE_CAMERA) as worker:
            worker.read_observations(20)
            worker.send_plan(make_plan(1, bad))
            declined = worker.read_until(PlanDeclined)
            assert (declined.plan, "on purpose" in declined.reason) == (1, True)
            assert all(len(seen.detections) for seen in worker.read_observations(50))
            worker.send_plan(make_plan(2, simulated_model(tmp_path, "good", delegate="tpu")))
            worker.read_until(ModelReady, lambda message: message.plan == 2)

    def test_if_the_old_one_fails_too_the_worker_ends(self, tmp_path: Path) -> None:
        old = simulated_model(tmp_path, "old", delegate="tpu")
        bad = simulated_model(tmp_path, "bad", delegate="tpu", fail_after=0)
        with WorkerUnderTest(make_plan(0, old), LIVE_CAMERA) as worker:
            worker.read_observations(20)
            assert old.path is not None
            old.path.unlink()
            worker.send_plan(make_plan(1, bad))
            assert "cannot read the model" in worker.read_until(WorkerFault).reason

    def test_a_newer_plan_ends_the_gap(self, tmp_path: Path) -> None:
        old = simulated_model(tmp_path, "old", delegate="tpu")
        slow = simulated_model(tmp_path, "slow", delegate="tpu", open_ms=300)
        with WorkerUnderTest(make_plan(0, old), LIVE_CAMERA) as worker:
            worker.read_observations(20)
            worker.send_plan(make_plan(1, slow))
            worker.read_until(WorkerReport, lambda _: True)
            worker.send_plan(make_plan(2, old))
            assert worker.read_until(ModelReady, lambda message: message.plan > 0).plan == 2
            assert all(len(seen.detections) for seen in worker.read_observations(50))

    def test_another_device_is_not_in_the_way(self, tmp_path: Path) -> None:
        old = simulated_model(tmp_path, "old", delegate="tpu")
        new = simulated_model(tmp_path, "new", open_ms=1000)
        with WorkerUnderTest(make_plan(0, old), LIVE_CAMERA) as worker:
            worker.read_observations(20)
            worker.send_plan(make_plan(1, new, shadow=old, shadow_every=2))
            assert worker.read_until(ModelReady, lambda message: message.plan == 1).gap_ns < 1e9
