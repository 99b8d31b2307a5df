"""The model changes under running cameras: a real worker process, over the real socket."""

import itertools
import re
from collections import Counter
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from edged.config.settings import ModelSettings
from edged.vision.messages import (
    CameraReport,
    Declined,
    Fault,
    Observation,
    Plan,
    Ready,
    Report,
)
from support.visionworker import LIVE, Worker, camera, live, plan, simulated, told_ns

TRIED = 2
"""Invocations in which a model is tried before it looks."""


def check_every_frame_is_accounted_for(worker: Worker, report: Report) -> None:
    """captured = inferred + dropped + failed, nothing told twice, everything in order."""
    seen = worker.observations()
    for index, one in enumerate(report.cameras):
        assert one.captured == one.inferred + one.dropped + one.failed, one
        numbers = [observation.frame_seq for observation in seen if observation.camera == index]
        assert len(numbers) == one.inferred
        assert all(a < b for a, b in itertools.pairwise(numbers))


def print_gap(worker: Worker, report: CameraReport) -> None:
    gaps_ms = np.diff([told_ns(seen) for seen in worker.observations()]) / 1e6
    print(
        f"dropped {report.dropped} of {report.captured}; between observations: "
        f"longest {gaps_ms.max():.1f} ms, median {np.median(gaps_ms):.1f} ms"
    )


def since_ready(worker: Worker, number: int) -> list[Observation]:
    """What was seen after the switch of that plan was told."""
    messages = [heard.message for heard in worker.heard]
    first = next(
        i for i, said in enumerate(messages) if isinstance(said, Ready) and said.plan == number
    )
    return [said for said in messages[first:] if isinstance(said, Observation)]


def test_a_live_camera_does_not_notice_the_change(tmp_path: Path) -> None:
    first, blind = simulated(tmp_path, "first"), simulated(tmp_path, "blind", blind_after=TRIED)
    with Worker(plan(0, first), live(frames=400)) as worker:
        worker.watch(100)
        worker.tell(plan(1, blind))
        ready = worker.until(Ready, lambda said: said.plan == 1)
        assert ready.model == "blind@1"
        report = worker.to_the_end()
        check_every_frame_is_accounted_for(worker, report)
        print_gap(worker, report.cameras[0])
    after = since_ready(worker, 1)
    assert len(after) > 50
    assert not any(len(seen.detections) for seen in after)
    before = worker.observations()[: -len(after)]
    assert all(len(seen.detections) for seen in before)
    assert report.cameras[0].reconnects == 0


def test_a_replay_loses_nothing_over_two_changes(tmp_path: Path) -> None:
    first, second = simulated(tmp_path, "first"), simulated(tmp_path, "second")
    clip = camera(speed="max", cycle=16, every_s=0.5, frames=900)
    with Worker(plan(0, first), clip) as worker:
        worker.watch(100)
        worker.tell(plan(1, second, shadow=first))
        worker.until(Ready, lambda said: said.plan == 1)
        worker.watch(100)
        worker.tell(plan(2, first))
        worker.until(Ready, lambda said: said.plan == 2)
        report = worker.to_the_end()
    assert [seen.frame_seq for seen in worker.observations()] == list(range(900))
    assert (report.cameras[0].dropped, report.cameras[0].failed) == (0, 0)
    print_gap(worker, report.cameras[0])


def test_the_scores_that_are_of_use_change_with_the_plan(tmp_path: Path) -> None:
    model = simulated(tmp_path, "model")
    with Worker(plan(0, model), LIVE) as worker:
        assert min(min(seen.detections.scores) for seen in worker.watch(32)) < 0.6
        worker.tell(Plan(number=1, model=model, name="marks@7", min_scores=(0.6,)))
        assert worker.until(Ready, lambda said: said.plan == 1).model == "marks@7"
        assert min(min(seen.detections.scores) for seen in worker.watch(32)) >= 0.6


def test_what_cannot_be_loaded_is_declined_and_the_old_model_goes_on(tmp_path: Path) -> None:
    good = simulated(tmp_path, "good")
    no_goldens = tmp_path / "goldens.json"
    with Worker(plan(0, good), LIVE) as worker:
        worker.until(Ready)
        for number, (wrong, reason) in enumerate(
            [
                (plan(0, ModelSettings(path=tmp_path / "none")), "cannot read the model .*none"),
                (plan(0, simulated(tmp_path, "failing", fail_after=1)), "failed on purpose"),
                (plan(0, simulated(tmp_path, "nan", nan_after=1)), "not numbers"),
                (plan(0, replace(good, family="yolov8")), "fits no supported family"),
                (plan(0, simulated(tmp_path, "b"), goldens=no_goldens), r"goldens\.json: No such"),
                (plan(0, good, cameras=2), "2 least scores for 1 cameras"),
            ],
            start=1,
        ):
            worker.tell(replace(wrong, number=number))
            declined = worker.until(Declined)
            assert declined.plan == number
            assert re.search(reason, declined.reason), declined
            assert all(len(seen.detections) for seen in worker.watch(20))


def test_of_two_quick_plans_the_newest_is_carried_out(tmp_path: Path) -> None:
    first, slow = simulated(tmp_path, "first"), simulated(tmp_path, "slow", open_ms=400)
    third = simulated(tmp_path, "third")
    with Worker(plan(0, first), LIVE) as worker:
        worker.watch(20)
        worker.tell(plan(1, slow))
        worker.watch(5)
        worker.tell(plan(2, slow))
        worker.tell(plan(3, third))
        worker.until(Ready, lambda said: said.plan == 3)
        worker.watch(40)
    assert [said.plan for said in worker.said() if isinstance(said, Ready)] == [0, 3]
    assert not [said for said in worker.said() if isinstance(said, Declined)]


def test_a_plan_that_is_carried_out_already_is_answered_at_once(tmp_path: Path) -> None:
    model = simulated(tmp_path, "model", open_ms=1000)
    with Worker(plan(0, model), LIVE) as worker:
        worker.watch(10)
        for number in range(1, 4):
            worker.tell(plan(number, model))
            assert worker.until(Ready, lambda said: said.plan > 0).gap_ns < 1e9
            worker.watch(2)


def test_the_way_back_to_a_model_that_is_kept_takes_no_loading(tmp_path: Path) -> None:
    old = simulated(tmp_path, "old", open_ms=1500)
    with Worker(plan(0, old), LIVE) as worker:
        worker.watch(10)
        worker.tell(plan(1, simulated(tmp_path, "new"), shadow=old))
        worker.until(Ready, lambda said: said.plan == 1)
        before = len(worker.observations())
        worker.tell(plan(2, old))
        worker.until(Ready, lambda said: said.plan == 2)
        assert len(worker.observations()) - before < 200  # as many as come in a second


def test_a_worker_that_is_told_to_end_while_it_loads_ends(tmp_path: Path) -> None:
    endless = simulated(tmp_path, "endless", open_ms=60_000)
    with Worker(plan(0, simulated(tmp_path, "first")), LIVE) as worker:
        worker.watch(10)
        worker.tell(plan(1, endless))
        worker.watch(40)
        code, took_s = worker.end()
    print(f"it took {took_s:.2f} s")
    assert code == 0
    assert took_s < 5


def test_a_model_that_cannot_begin_is_a_fault(tmp_path: Path) -> None:
    with Worker(plan(0, simulated(tmp_path, "bad", nan_after=0)), LIVE) as worker:
        fault = worker.until(Fault)
        assert (fault.kind, "not numbers" in fault.reason) == ("model", True)
        assert worker.end()[0] == 1


class TestOneDevice:
    """Only one model can have it: the old one makes way before the new one is loaded."""

    def test_the_gap_is_told_and_there_is_no_shadow(self, tmp_path: Path) -> None:
        old = simulated(tmp_path, "old", delegate="tpu")
        new = simulated(tmp_path, "new", delegate="tpu", open_ms=300)
        with Worker(plan(0, old), live(frames=400)) as worker:
            worker.watch(50)
            worker.tell(plan(1, new, shadow=old, shadow_every=1))
            ready = worker.until(Ready, lambda said: said.plan == 1)
            assert 300e6 <= ready.gap_ns < 5e9
            report = worker.to_the_end()
            check_every_frame_is_accounted_for(worker, report)
            print_gap(worker, report.cameras[0])
        assert report.cameras[0].dropped > 10
        assert since_ready(worker, 1)
        kinds = Counter(type(said).__name__ for said in worker.said())
        assert kinds == {"Ready": 2}

    def test_a_replay_waits_for_the_device(self, tmp_path: Path) -> None:
        clip = camera(speed="max", cycle=16, every_s=0.5, frames=300)
        with Worker(plan(0, simulated(tmp_path, "old", delegate="tpu")), clip) as worker:
            worker.watch(50)
            worker.tell(plan(1, simulated(tmp_path, "new", delegate="tpu", open_ms=100)))
            worker.until(Ready, lambda said: said.plan == 1)
            worker.to_the_end()
        assert [seen.frame_seq for seen in worker.observations()] == list(range(300))

    def test_the_old_model_comes_back_if_the_new_one_fails(self, tmp_path: Path) -> None:
        old = simulated(tmp_path, "old", delegate="tpu")
        bad = simulated(tmp_path, "bad", delegate="tpu", fail_after=0)
        with Worker(plan(0, old), LIVE) as worker:
            worker.watch(20)
            worker.tell(plan(1, bad))
            declined = worker.until(Declined)
            assert (declined.plan, "on purpose" in declined.reason) == (1, True)
            assert all(len(seen.detections) for seen in worker.watch(50))
            worker.tell(plan(2, simulated(tmp_path, "good", delegate="tpu")))
            worker.until(Ready, lambda said: said.plan == 2)

    def test_if_the_old_one_fails_too_the_worker_ends(self, tmp_path: Path) -> None:
        old = simulated(tmp_path, "old", delegate="tpu")
        bad = simulated(tmp_path, "bad", delegate="tpu", fail_after=0)
        with Worker(plan(0, old), LIVE) as worker:
            worker.watch(20)
            assert old.path is not None
            old.path.unlink()
            worker.tell(plan(1, bad))
            assert "cannot read the model" in worker.until(Fault).reason

    def test_a_newer_plan_ends_the_gap(self, tmp_path: Path) -> None:
        old = simulated(tmp_path, "old", delegate="tpu")
        slow = simulated(tmp_path, "slow", delegate="tpu", open_ms=300)
        with Worker(plan(0, old), LIVE) as worker:
            worker.watch(20)
            worker.tell(plan(1, slow))
            worker.until(Report, lambda _: True)
            worker.tell(plan(2, old))
            assert worker.until(Ready, lambda said: said.plan > 0).plan == 2
            assert all(len(seen.detections) for seen in worker.watch(50))

    def test_another_device_is_not_in_the_way(self, tmp_path: Path) -> None:
        old = simulated(tmp_path, "old", delegate="tpu")
        new = simulated(tmp_path, "new", open_ms=1000)
        with Worker(plan(0, old), LIVE) as worker:
            worker.watch(20)
            worker.tell(plan(1, new, shadow=old, shadow_every=2))
            assert worker.until(Ready, lambda said: said.plan == 1).gap_ns < 1e9
