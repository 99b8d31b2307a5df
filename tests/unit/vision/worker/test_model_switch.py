"""Any plans in any order, without a process: no closed model is run, and the newest plan is answered in the end."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from edged.config.settings import ModelSettings
from edged.errors import InvokeError, WorkerError
from edged.interpreters.simulated import SimulatedInterpreter
from edged.types import Frame
from edged.vision.camera_messages import CameraPlan
from edged.vision.messages import FromWorker, ModelReady, PlanDeclined, WorkerPlan
from edged.vision.trial_messages import CandidateFailure, ShadowComparison
from edged.vision.worker.model_switch import ModelSwitcher
from edged.vision.worker.plans import PlanMailbox, shadow_of
from edged.vision.worker.trial_runner import TrialRunner
from support.pictures import frame
from support.sampling import seeded_random
from support.vision_worker import make_plan, simulated_model, worker_context

STEPS = 60
_MAX_TURNS = 1000


class SwitchBench:
    """A model switcher, its plans and its messages."""

    def __init__(self, first: WorkerPlan) -> None:
        self.messages: list[FromWorker] = []
        self.plans = PlanMailbox()
        context = worker_context(["test"], send=self.messages.append)
        self._pipeline = context.pipeline
        self.switch = ModelSwitcher(first, mailbox=self.plans, context=context)
        self.switch.load_initial_model()

    def is_on_trial(self) -> bool:
        return isinstance(self.switch.runner, TrialRunner)

    def put_plan(self, plan: WorkerPlan) -> None:
        self.plans.put(plan)

    def step(self) -> None:
        """One turn of a worker's loop."""
        self.switch.step()
        if self.switch.runner is None:
            self.switch.wait(1.0)
        else:
            self.result = self.switch.runner.infer(self._pipeline.prepare(scene_frame()))
            self.switch.runner.run_shadow(self.result)

    def run_until_answered(self, number: int) -> ModelReady | PlanDeclined:
        """Go on until that plan is answered, and nothing is left to do."""
        for _ in range(_MAX_TURNS):
            self.step()
            if self.switch.is_loading:
                self.switch.wait(1.0)
            found = [
                said
                for said in self.messages
                if isinstance(said, ModelReady | PlanDeclined) and said.plan == number
            ]
            if found and not self.switch.is_loading:
                self.step()
                return found[-1]
        raise AssertionError(f"plan {number} was not answered; it said {self.messages[-5:]}")


def scene_frame() -> Frame:
    """A red block, and a blue hook that fills seven sixteenths of its box."""
    pixels = np.full((240, 320, 3), 90, np.uint8)
    pixels[60:180, 80:160] = (20, 20, 230)
    pixels[40:200, 200:220] = (230, 20, 20)
    pixels[40:80, 200:280] = (230, 20, 20)
    return frame(pixels)


def models(folder: Path) -> list[ModelSettings]:
    """Good ones and bad ones, some on the one device that there is."""
    return [
        simulated_model(folder, "a"),
        simulated_model(folder, "b", open_ms=2),
        simulated_model(folder, "c", labels=("blue", "red")),
        simulated_model(folder, "tpu-a", delegate="tpu"),
        simulated_model(folder, "tpu-b", delegate="tpu", open_ms=2),
        simulated_model(folder, "bad", fail_after=1),
        simulated_model(folder, "tpu-bad", delegate="tpu", nan_after=0),
        ModelSettings(path=folder / "none", runtime="simulated"),
    ]


def test_whatever_is_planned_the_newest_is_answered_and_inference_goes_on(tmp_path: Path) -> None:
    rng = seeded_random("model switch")
    known = models(tmp_path)
    good = known[:5]
    stage = SwitchBench(make_plan(0, known[0], min_score=0.5))
    for number in range(1, STEPS + 1):
        plan = make_plan(
            number,
            rng.choice(known),
            min_score=0.5,
            shadow=rng.choice([None, *known]),
            shadow_every=1,
        )
        stage.put_plan(plan)
        for _ in range(rng.choice([0, 0, 1, 3])):
            stage.step()
        if rng.random() < 0.5:
            continue  # overtaken by the next one, or not
        answer = stage.run_until_answered(number)
        assert isinstance(answer, ModelReady) == (plan.model in good), (plan, answer)
        assert stage.switch.runner is not None
    stage.put_plan(make_plan(STEPS + 1, known[0], min_score=0.5))
    assert isinstance(stage.run_until_answered(STEPS + 1), ModelReady)
    numbers = [said.plan for said in stage.messages if isinstance(said, ModelReady | PlanDeclined)]
    assert numbers == sorted(set(numbers)), "each plan is answered once at most, in order"
    assert not SimulatedInterpreter._devices, "what no plan names is closed"
    stage.switch.close()


def test_a_trial_begins_once_the_shadow_is_there_and_ends_with_the_next_plan(
    tmp_path: Path,
) -> None:
    old, new = simulated_model(tmp_path, "old"), simulated_model(tmp_path, "new")
    stage = SwitchBench(make_plan(0, old, min_score=0.5))
    trial = make_plan(1, new, shadow=old, shadow_every=1, min_score=0.5)
    stage.put_plan(trial)
    assert isinstance(stage.run_until_answered(1), ModelReady)
    assert shadow_of(trial) == old
    assert stage.is_on_trial()
    assert [said.both for said in stage.messages if isinstance(said, ShadowComparison)][-1] == 1
    shown = [loaded.model.interpreter for loaded in stage.switch._loaded_models]
    stage.put_plan(make_plan(2, new, min_score=0.5))
    stage.run_until_answered(2)
    assert not stage.is_on_trial()
    with pytest.raises(InvokeError, match="after it was closed"):
        shown[0].invoke(np.zeros((1, 240, 320, 3), np.uint8))
    stage.switch.close()


def test_a_failure_of_the_candidate_is_reported(tmp_path: Path) -> None:
    old = simulated_model(tmp_path, "old")
    new = simulated_model(tmp_path, "new", fail_after=2)
    stage = SwitchBench(make_plan(0, old, min_score=0.5))
    stage.put_plan(make_plan(1, new, shadow=old, shadow_every=1, min_score=0.5))
    stage.run_until_answered(1)
    failure = next(said for said in stage.messages if isinstance(said, CandidateFailure))
    assert (failure.kind, failure.plan) == ("invoke", 1)
    assert not [said for said in stage.messages if isinstance(said, ShadowComparison)]
    stage.switch.close()


@pytest.mark.parametrize(
    ("min_score", "shadow_score", "reported", "compared"),
    [(0.3, 0.3, 2, 2), (0.8, 0.3, 1, 2), (0.3, 0.8, 2, 1)],
)
def test_what_is_reported_and_what_is_compared_have_scores_of_their_own(
    tmp_path: Path, min_score: float, shadow_score: float, reported: int, compared: int
) -> None:
    old, new = simulated_model(tmp_path, "old"), simulated_model(tmp_path, "new")
    stage = SwitchBench(make_plan(0, old, min_score=min_score))
    trial = make_plan(1, new, shadow=old, shadow_every=1, min_score=min_score)
    stage.put_plan(replace(trial, min_shadow_score=shadow_score))
    stage.run_until_answered(1)
    assert len(stage.result.detections) == reported
    last = [said for said in stage.messages if isinstance(said, ShadowComparison)][-1]
    assert (last.both, last.only_new, last.only_old) == (compared, 0, 0)
    stage.switch.close()


def test_a_plan_that_comes_while_the_old_model_is_brought_back_is_answered(tmp_path: Path) -> None:
    old = simulated_model(tmp_path, "old", delegate="tpu", open_ms=20)
    stage = SwitchBench(make_plan(0, old, min_score=0.5))
    stage.put_plan(make_plan(1, simulated_model(tmp_path, "bad", delegate="tpu", nan_after=0), min_score=0.5))  # fmt: skip
    while stage.switch._deferred_decline is None:
        stage.step()
    assert stage.switch.runner is None
    stage.put_plan(make_plan(2, simulated_model(tmp_path, "new"), min_score=0.5))
    assert isinstance(stage.run_until_answered(2), ModelReady)
    assert [
        said.plan for said in stage.messages if isinstance(said, ModelReady | PlanDeclined)
    ] == [0, 2]
    stage.switch.close()


def test_a_first_plan_that_does_not_fit_the_cameras_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="the plan is for 2 cameras; there are 1"):
        SwitchBench(make_plan(0, simulated_model(tmp_path, "a"), cameras=2))


def test_a_plan_with_the_same_number_changes_settings_without_an_answer(tmp_path: Path) -> None:
    model = simulated_model(tmp_path, "a")
    stage = SwitchBench(make_plan(0, model, min_score=0.3))
    stage.step()
    assert len(stage.result.detections) == 2
    loaded = stage.switch._loaded_models[0]
    mask = ((0.25, 0.25), (0.5, 0.25), (0.5, 0.75), (0.25, 0.75))
    masked = CameraPlan(min_score=0.3, masks=(mask,))
    stage.put_plan(replace(make_plan(0, model), cameras=(masked,)))
    stage.step()
    assert len(stage.result.detections) == 1, "the red block is masked"
    stage.put_plan(make_plan(0, model, min_score=0.99))
    stage.step()
    assert stage.result.detections.scores.tolist() == [1.0], (
        "unmasked, and the blue hook is below 0.99"
    )
    assert stage.switch._loaded_models == [loaded], "nothing was loaded again"
    assert [type(message) for message in stage.messages] == [ModelReady]
    stage.switch.close()


def test_settings_that_change_in_a_trial_leave_it_running(tmp_path: Path) -> None:
    old, new = simulated_model(tmp_path, "old"), simulated_model(tmp_path, "new")
    stage = SwitchBench(make_plan(0, old, min_score=0.5))
    trial = make_plan(1, new, shadow=old, shadow_every=1, min_score=0.5)
    stage.put_plan(trial)
    stage.run_until_answered(1)
    stage.put_plan(make_plan(1, new, shadow=old, shadow_every=1, min_score=0.9))
    stage.step()
    assert stage.is_on_trial()
    assert [message.plan for message in stage.messages if isinstance(message, ModelReady)] == [0, 1]
    stage.switch.close()
