"""A new model on trial in a real worker: the old one beside it compares, and stands in where the new one falters."""

from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.config.settings import ModelSettings
from edged.types import Detections
from edged.vision.messages import (
    Compared,
    Declined,
    Faltered,
    Fault,
    Observation,
    Plan,
    Ready,
    Report,
)
from support.visionworker import LIVE, Worker, live, plan, simulated

TRIED = 2
"""Invocations in which a model is tried before it looks."""
EVERY = 4


def trial(new: ModelSettings, old: ModelSettings, *, cameras: int = 1, **more: object) -> Plan:
    told: dict[str, object] = {"shadow_every": EVERY, "shadow_score": 0.4} | more
    return plan(1, new, cameras=cameras, shadow=old, **told)


def begun(worker: Worker, wanted: Plan) -> None:
    """The old model has looked for a while; the new one takes over."""
    worker.watch(20)
    worker.tell(wanted)
    worker.until(Ready, lambda said: said.plan == wanted.number)


def count(found: Detections, class_id: int) -> int:
    return int((found.class_ids == class_id).sum())


def test_equal_models_agree_on_one_frame_in_so_many_of_each_camera(tmp_path: Path) -> None:
    old, new = simulated(tmp_path, "old"), simulated(tmp_path, "new")
    cameras = (live(200, "a"), live(200, "b"))
    with Worker(plan(0, old, cameras=2), *cameras) as worker:
        begun(worker, trial(new, old, cameras=2))
        report = worker.to_the_end(("a", "b"))
    compared = [said for said in worker.said() if isinstance(said, Compared)]
    assert all(said.both and not said.only_new and not said.only_old for said in compared)
    assert all(said.plan == 1 and said.new_ns > 0 and said.old_ns > 0 for said in compared)
    seen = {(said.camera, said.frame_seq): said for said in worker.observations()}
    assert all((said.camera, said.frame_seq) in seen for said in compared)
    for index, one in enumerate(report.cameras):
        mine = sum(said.camera == index for said in compared)
        assert one.inferred // EVERY - 20 <= mine <= one.inferred // EVERY
        assert one.captured == one.inferred + one.dropped


def test_a_blind_model_is_seen_to_be_blind(tmp_path: Path) -> None:
    old, new = simulated(tmp_path, "old"), simulated(tmp_path, "new", blind_after=TRIED)
    with Worker(plan(0, old), LIVE) as worker:
        begun(worker, trial(new, old))
        compared = [worker.until(Compared) for _ in range(3)]
    assert all(said.only_old and not said.both and not said.only_new for said in compared)


def test_a_slow_model_is_seen_to_be_slow_and_the_shadow_delays_no_observation(
    tmp_path: Path,
) -> None:
    old = simulated(tmp_path, "old", latency_ms=40)
    new = simulated(tmp_path, "new", latency_ms=15)
    with Worker(plan(0, old), LIVE) as worker:
        begun(worker, trial(new, old, shadow_every=1))
        compared = [worker.until(Compared) for _ in range(5)]
        seen = {said.frame_seq: said for said in worker.observations()}
    for said in compared:
        assert said.new_ns >= 15e6
        assert said.old_ns >= 40e6
        observation = seen[said.frame_seq]
        stages_ns = observation.encode_ns + observation.invoke_ns + observation.decode_ns
        assert said.new_ns <= stages_ns < said.new_ns + 40e6


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ({"nan_after": TRIED + 10}, "nonsense", "not numbers"),
        ({"fail_after": TRIED + 10}, "invoke", "failed on purpose"),
        (
            {"flood_after": TRIED + 10},
            "flood",
            "100 detections of at least 0.40 in one frame; 50 are",
        ),
    ],
)
def test_where_the_new_model_falters_the_old_one_stands_in(
    tmp_path: Path, fault: dict[str, float], kind: str, reason: str
) -> None:
    old, new = simulated(tmp_path, "old"), simulated(tmp_path, "new", fault)
    with Worker(plan(0, old), live(300)) as worker:
        begun(worker, trial(new, old, most_boxes=50))
        faltered = worker.until(Faltered)
        assert (faltered.kind, faltered.plan, faltered.camera) == (kind, 1, 0)
        assert reason in faltered.reason
        # The same frame is the next that is told of, and the old model has looked at it.
        seen = worker.until(Observation)
        assert seen.frame_seq == faltered.frame_seq
        assert 0 < len(seen.detections) <= 10
        report = worker.to_the_end()
    assert report.cameras[0].failed == 0
    assert report.cameras[0].captured == report.cameras[0].inferred + report.cameras[0].dropped
    kinds = Counter(type(said).__name__ for said in worker.said())
    assert kinds["Faltered"] > 50


def test_what_the_shadow_sees_is_told_in_the_new_models_classes(tmp_path: Path) -> None:
    old = simulated(tmp_path, "old", labels=("red", "green", "blue"))
    new = simulated(tmp_path, "new", labels=("blue", "green"), fail_after=TRIED)
    with Worker(plan(0, old), LIVE) as worker:
        blue = [count(seen.detections, 2) for seen in worker.watch(64)]
        worker.tell(trial(new, old))
        worker.until(Faltered)
        seen = worker.watch(64)
    assert sum(count(one.detections, 0) for one in seen)
    assert {count(one.detections, 0) for one in seen} <= set(blue)
    assert all(len(one.detections) == count(one.detections, 0) for one in seen)


def test_a_class_that_the_model_has_not_is_nonsense(tmp_path: Path) -> None:
    old = simulated(tmp_path, "old")
    new = replace(simulated(tmp_path, "new"), labels=("red", "green"))
    with Worker(plan(0, old), LIVE) as worker:
        begun(worker, trial(new, old))
        faltered = worker.until(Faltered)
    assert faltered.kind == "nonsense"
    assert faltered.reason == "a detection of class 2; the model has labels for 2"


def test_models_are_compared_by_label(tmp_path: Path) -> None:
    old = simulated(tmp_path, "old", labels=("red", "blue"))
    new = simulated(tmp_path, "new", labels=("blue", "red"))
    with Worker(plan(0, old), LIVE) as worker:
        begun(worker, trial(new, old))
        compared = [worker.until(Compared) for _ in range(3)]
    assert all(said.both and not said.only_new and not said.only_old for said in compared)


def test_without_a_trial_a_model_that_fails_again_and_again_ends_the_worker(
    tmp_path: Path,
) -> None:
    with Worker(plan(0, simulated(tmp_path, "new", fail_after=TRIED + 10)), LIVE) as worker:
        assert worker.until(Fault).kind == "invoke"
    assert len(worker.observations()) == 10


def test_if_both_models_fail_the_worker_ends(tmp_path: Path) -> None:
    old = simulated(tmp_path, "old", fail_after=TRIED + 200)
    new = simulated(tmp_path, "new", fail_after=TRIED)
    with Worker(plan(0, old), LIVE) as worker:
        begun(worker, trial(new, old))
        assert worker.until(Fault).kind == "invoke"


def test_a_worker_that_begins_in_a_trial_goes_on_with_it(tmp_path: Path) -> None:
    old, new = simulated(tmp_path, "old"), simulated(tmp_path, "new")
    with Worker(trial(new, old), LIVE) as worker:
        assert worker.until(Ready).model == "new@1"
        assert worker.until(Compared).both


def test_a_shadow_that_cannot_be_loaded_leaves_the_new_model_looking(tmp_path: Path) -> None:
    old = simulated(tmp_path, "old", fail_after=0)
    with Worker(trial(simulated(tmp_path, "new"), old, shadow_every=1), LIVE) as worker:
        worker.watch(100)
        worker.until(Report, lambda _: True)
        assert [type(said) for said in worker.said()] == [Ready]
        # It is tried anew with the next plan.
        worker.tell(plan(2, simulated(tmp_path, "other"), shadow=simulated(tmp_path, "old")))
        assert worker.until(Compared).plan == 2
    assert not [said for said in worker.said() if isinstance(said, Declined)]
