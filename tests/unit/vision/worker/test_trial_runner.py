"""What a trial compares, and what it reports: only what the shadow does not do as well on the same frame."""

import itertools
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from edged.errors import WorkerError
from edged.vision.messages import FromWorker, ModelLoading, ModelReady
from edged.vision.trial_messages import CandidateFailure, ShadowComparison
from edged.vision.worker.model_switch import ModelSwitcher
from edged.vision.worker.plans import PlanMailbox
from edged.vision.worker.trial_runner import ComparisonSchedule, TrialRunner
from support.pictures import frame
from support.vision_worker import make_plan, simulated_model, worker_context
from support.waiting import wait_for

COLOURED = np.full((240, 320, 3), (255, 0, 0), np.uint8)


class TrialBench:
    """A worker's models on trial, without a process."""

    def __init__(
        self,
        folder: Path,
        new: dict[str, float],
        old: dict[str, float],
        *,
        old_delegate: str | None = None,
    ) -> None:
        self.messages: list[FromWorker] = []
        context = worker_context(["test"], send=self.messages.append)
        self._pipeline = context.pipeline
        plan = make_plan(
            1,
            simulated_model(folder, "new", new),
            shadow=simulated_model(folder, "old", old, delegate=old_delegate),
            shadow_every=1,
            max_boxes=5,
        )
        self.switch = ModelSwitcher(plan, mailbox=PlanMailbox(), context=context)
        self.switch.load_initial_model()
        wait_for(self._is_on_trial)

    def _is_on_trial(self) -> bool:
        self.switch.step()
        return isinstance(self.switch.runner, TrialRunner)

    def run(self, frames: int) -> None:
        """Take so many frames."""
        runner = self.switch.runner
        assert runner is not None
        for _ in range(frames):
            prepared = self._pipeline.prepare(frame(COLOURED))
            runner.run_shadow(runner.infer(prepared))

    def reported(self) -> list[CandidateFailure | ShadowComparison]:
        return [
            message
            for message in self.messages
            if isinstance(message, CandidateFailure | ShadowComparison)
        ]


def test_each_model_comes_first_on_every_other_frame(tmp_path: Path) -> None:
    bench = TrialBench(tmp_path, {}, {})
    bench.run(6)
    orders = [one.is_new_first for one in bench.reported() if isinstance(one, ShadowComparison)]
    assert orders in ([True, False] * 3, [False, True] * 3)


def test_the_times_are_of_the_models_alone(tmp_path: Path) -> None:
    """Masks and motion were in the new model's time, and not in the old one's."""
    bench = TrialBench(tmp_path, {"latency_ms": 20.0}, {})
    bench.run(8)
    compared = [one for one in bench.reported() if isinstance(one, ShadowComparison)]
    assert len(compared) == 8
    assert min(one.new_net_ns for one in compared) >= 20e6
    assert 0 < median(one.old_net_ns for one in compared) < 20e6


@pytest.mark.parametrize(
    ("new", "old", "kinds"),
    [
        ({"flood_after": 2}, {}, {"flood"}),
        ({"flood_after": 2}, {"flood_after": 2}, set()),
        ({"nan_after": 2}, {}, {"nonsense"}),
        ({"fail_after": 2}, {}, {"invoke"}),
    ],
    ids=["flood", "both flood", "nonsense", "invoke"],
)
def test_a_failure_counts_unless_the_shadow_does_the_same_on_the_frame(
    tmp_path: Path, new: dict[str, float], old: dict[str, float], kinds: set[str]
) -> None:
    bench = TrialBench(tmp_path, new, old)
    bench.run(3)
    found = {one.kind for one in bench.reported() if isinstance(one, CandidateFailure)}
    assert found == kinds


@pytest.mark.parametrize("fault", ["nan_after", "fail_after"])
def test_if_both_models_fail_neither_is_to_blame(tmp_path: Path, fault: str) -> None:
    bench = TrialBench(tmp_path, {fault: 2}, {fault: 2})
    with pytest.raises(WorkerError, match="both models failed"):
        bench.run(1)
    (failure,) = bench.reported()
    assert isinstance(failure, CandidateFailure)
    assert failure.kind == "shared"


def test_a_worker_announces_that_it_loads_a_model_and_that_it_has_ended(tmp_path: Path) -> None:
    bench = TrialBench(tmp_path, {}, {})
    loading = [one.is_loading for one in bench.messages if isinstance(one, ModelLoading)]
    assert loading == [True, False], "the shadow"
    assert isinstance(bench.messages[0], ModelReady)


def test_a_worker_announces_that_it_closes_a_device(tmp_path: Path) -> None:
    """The runtimes hold Python's lock meanwhile: findings/delegate-lock.sh."""
    bench = TrialBench(tmp_path, {}, {}, old_delegate="tpu")
    bench.messages.clear()
    bench.switch.close()
    loading = [one.is_loading for one in bench.messages if isinstance(one, ModelLoading)]
    assert loading == [True, False]


def test_of_each_camera_every_nth_frame_is_compared() -> None:
    schedule = ComparisonSchedule(["a", "b"], 3)
    due = [schedule.is_due(camera) for camera in itertools.islice(itertools.cycle("ab"), 12)]
    assert [k for k, is_due in enumerate(due) if is_due] == [4, 5, 10, 11]
