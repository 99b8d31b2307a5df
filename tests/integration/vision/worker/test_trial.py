"""A new model on trial in a real worker: the old one beside it compares, and stands in where the new one falters."""

import itertools
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.config.settings import ModelSettings
from edged.types import DetectedBox
from edged.vision.messages import (
    ModelReady,
    Observation,
    PlanDeclined,
    WorkerFault,
    WorkerPlan,
    WorkerReport,
)
from edged.vision.trial_messages import CandidateFailure, ShadowComparison
from support.vision_worker import (
    LIVE_CAMERA,
    WorkerUnderTest,
    live_camera,
    make_plan,
    simulated_model,
)

WARMUP_INVOCATIONS = 2
"""Invocations in which a model is tried before it looks."""
SHADOW_EVERY = 4


def trial_plan(
    new: ModelSettings, old: ModelSettings, *, cameras: int = 1, **more: object
) -> WorkerPlan:
    settings: dict[str, object] = {"shadow_every": SHADOW_EVERY, "min_shadow_score": 0.4} | more
    return make_plan(1, new, cameras=cameras, shadow=old, **settings)  # type: ignore[arg-type] # any field, by name


def begin_trial(worker: WorkerUnderTest, wanted: WorkerPlan) -> None:
    """The old model has looked for a while; the new one takes over."""
    worker.read_observations(20)
    worker.send_plan(wanted)
    worker.read_until(ModelReady, lambda message: message.plan == wanted.number)


def compared_cameras(worker: WorkerUnderTest) -> list[int]:
    """Return the camera of each comparison, which follows the observation of its frame."""
    return [
        before.message.camera
        for before, after in itertools.pairwise(
            timed for timed in worker.messages if not isinstance(timed.message, WorkerReport)
        )
        if isinstance(before.message, Observation) and isinstance(after.message, ShadowComparison)
    ]


def count_class(found: tuple[DetectedBox, ...], class_id: int) -> int:
    return sum(detected.class_id == class_id for detected in found)


def test_equal_models_agree_on_one_frame_in_so_many_of_each_camera(tmp_path: Path) -> None:
    old, new = simulated_model(tmp_path, "old"), simulated_model(tmp_path, "new")
    cameras = (live_camera(200, "a"), live_camera(200, "b"))
    with WorkerUnderTest(make_plan(0, old, cameras=2), *cameras) as worker:
        begin_trial(worker, trial_plan(new, old, cameras=2))
        report = worker.read_until_ended(("a", "b"))
    compared = [
        message for message in worker.status_messages() if isinstance(message, ShadowComparison)
    ]
    assert all(
        message.both and not message.only_new and not message.only_old for message in compared
    )
    assert all(message.plan == 1 and message.old_ns > 0 for message in compared)
    for index, one in enumerate(report.cameras):
        mine = sum(camera == index for camera in compared_cameras(worker))
        assert one.inferred // SHADOW_EVERY - 20 <= mine <= one.inferred // SHADOW_EVERY
        assert one.captured == one.inferred + one.dropped


def test_a_blind_model_is_seen_to_be_blind(tmp_path: Path) -> None:
    old, new = (
        simulated_model(tmp_path, "old"),
        simulated_model(tmp_path, "new", blind_after=WARMUP_INVOCATIONS),
    )
    with WorkerUnderTest(make_plan(0, old), LIVE_CAMERA) as worker:
        begin_trial(worker, trial_plan(new, old))
        compared = [worker.read_until(ShadowComparison) for _ in range(3)]
    assert all(
        message.only_old and not message.both and not message.only_new for message in compared
    )


def test_a_slow_model_is_seen_to_be_slow_and_the_shadow_delays_no_observation(
    tmp_path: Path,
) -> None:
    old = simulated_model(tmp_path, "old", latency_ms=40)
    new = simulated_model(tmp_path, "new", latency_ms=15)
    with WorkerUnderTest(make_plan(0, old), LIVE_CAMERA) as worker:
        begin_trial(worker, trial_plan(new, old, shadow_every=1))
        times_ns = []
        for _ in range(5):
            comparison = worker.read_until(ShadowComparison)
            observation = worker.observations()[-1]
            assert comparison.old_ns >= 40e6
            times_ns.append(observation.encode_ns + observation.invoke_ns + observation.decode_ns)
        # The shadow would add its 40 ms to every one; a busy machine delays some.
        assert 15e6 <= min(times_ns) < 15e6 + 40e6


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ({"nan_after": WARMUP_INVOCATIONS + 10}, "nonsense", "NaN"),
        ({"fail_after": WARMUP_INVOCATIONS + 10}, "invoke", "failed on purpose"),
        (
            {"flood_after": WARMUP_INVOCATIONS + 10},
            "flood",
            "100 detections of at least 0.40 in one frame; 50 are",
        ),
    ],
)
def test_where_the_new_model_falters_the_old_one_stands_in(
    tmp_path: Path, fault: dict[str, float], kind: str, reason: str
) -> None:
    old, new = simulated_model(tmp_path, "old"), simulated_model(tmp_path, "new", fault)
    with WorkerUnderTest(make_plan(0, old), live_camera(300)) as worker:
        begin_trial(worker, trial_plan(new, old, max_boxes=50))
        failure = worker.read_until(CandidateFailure)
        assert (failure.kind, failure.plan) == (kind, 1)
        assert reason in failure.reason
        # The next observation is of the same frame, from the old model.
        seen = worker.read_until(Observation)
        assert 0 < len(seen.detections) <= 10
        report = worker.read_until_ended()
    assert report.cameras[0].failed == 0
    assert report.cameras[0].captured == report.cameras[0].inferred + report.cameras[0].dropped
    kinds = Counter(type(message).__name__ for message in worker.status_messages())
    assert kinds["CandidateFailure"] > 50


def test_what_the_shadow_sees_is_reported_in_the_new_models_classes(tmp_path: Path) -> None:
    old = simulated_model(tmp_path, "old", labels=("red", "green", "blue"))
    new = simulated_model(tmp_path, "new", labels=("blue", "green"), fail_after=WARMUP_INVOCATIONS)
    with WorkerUnderTest(make_plan(0, old), LIVE_CAMERA) as worker:
        blue = [count_class(seen.detections, 2) for seen in worker.read_observations(64)]
        worker.send_plan(trial_plan(new, old))
        worker.read_until(CandidateFailure)
        seen = worker.read_observations(64)
    assert sum(count_class(one.detections, 0) for one in seen)
    assert {count_class(one.detections, 0) for one in seen} <= set(blue)
    assert all(len(one.detections) == count_class(one.detections, 0) for one in seen)


def test_a_class_that_the_model_has_not_is_nonsense(tmp_path: Path) -> None:
    old = simulated_model(tmp_path, "old")
    new = replace(simulated_model(tmp_path, "new"), labels=("red", "green"))
    with WorkerUnderTest(make_plan(0, old), LIVE_CAMERA) as worker:
        begin_trial(worker, trial_plan(new, old))
        failure = worker.read_until(CandidateFailure)
    assert failure.kind == "nonsense"
    assert failure.reason == "a detection of class 2; the model has 2 labels"


def test_models_are_compared_by_label(tmp_path: Path) -> None:
    old = simulated_model(tmp_path, "old", labels=("red", "blue"))
    new = simulated_model(tmp_path, "new", labels=("blue", "red"))
    with WorkerUnderTest(make_plan(0, old), LIVE_CAMERA) as worker:
        begin_trial(worker, trial_plan(new, old))
        compared = [worker.read_until(ShadowComparison) for _ in range(3)]
    assert all(
        message.both and not message.only_new and not message.only_old for message in compared
    )


def test_without_a_trial_a_model_that_fails_again_and_again_ends_the_worker(
    tmp_path: Path,
) -> None:
    with WorkerUnderTest(
        make_plan(0, simulated_model(tmp_path, "new", fail_after=WARMUP_INVOCATIONS + 10)),
        LIVE_CAMERA,
    ) as worker:
        assert worker.read_until(WorkerFault).kind == "invoke"
    assert len(worker.observations()) == 10


def test_if_both_models_fail_the_worker_ends(tmp_path: Path) -> None:
    old = simulated_model(tmp_path, "old", fail_after=WARMUP_INVOCATIONS + 200)
    new = simulated_model(tmp_path, "new", fail_after=WARMUP_INVOCATIONS)
    with WorkerUnderTest(make_plan(0, old), LIVE_CAMERA) as worker:
        begin_trial(worker, trial_plan(new, old))
        assert worker.read_until(WorkerFault).kind == "internal", "neither model is to blame"


def test_a_worker_that_begins_in_a_trial_goes_on_with_it(tmp_path: Path) -> None:
    old, new = simulated_model(tmp_path, "old"), simulated_model(tmp_path, "new")
    with WorkerUnderTest(trial_plan(new, old), LIVE_CAMERA) as worker:
        assert worker.read_until(ModelReady).model_name == "new@1"
        assert worker.read_until(ShadowComparison).both


def test_a_shadow_that_cannot_be_loaded_leaves_the_new_model_active(tmp_path: Path) -> None:
    old = simulated_model(tmp_path, "old", fail_after=0)
    with WorkerUnderTest(
        trial_plan(simulated_model(tmp_path, "new"), old, shadow_every=1), LIVE_CAMERA
    ) as worker:
        worker.read_observations(100)
        worker.read_until(WorkerReport, lambda _: True)
        assert [type(message) for message in worker.status_messages()] == [ModelReady]
        # It is tried anew with the next plan.
        worker.send_plan(
            make_plan(
                2, simulated_model(tmp_path, "other"), shadow=simulated_model(tmp_path, "old")
            )
        )
        assert worker.read_until(ShadowComparison).plan == 2
    assert not [
        message for message in worker.status_messages() if isinstance(message, PlanDeclined)
    ]
