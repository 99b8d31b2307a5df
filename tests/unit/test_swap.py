"""Any plans in any order, without a process: nobody looks with a closed model, and the newest plan is answered in the end."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from edged.clock import SystemClock
from edged.config.settings import ModelSettings
from edged.errors import InvokeError, WorkerError
from edged.interpreters.simulated import SimulatedInterpreter
from edged.scene.motion import MotionDetector
from edged.types import Frame
from edged.vision.messages import Compared, Declined, Faltered, FromWorker, Plan, Ready
from edged.vision.worker.masks import MaskPainter
from edged.vision.worker.model_switch import Swap
from edged.vision.worker.plans import PlanBox, shadow_of
from edged.vision.worker.runners import Scope, Trial
from edged.vision.worker.stages import View, Vision
from support.pictures import frame
from support.visionworker import simulated

SEED = int(os.environ.get("EDGED_TEST_SEED") or random.randrange(1 << 32))
STEPS = 60
_PATIENCE = 1000


class Stage:
    """A swap, the plans that it is given, and all that it says."""

    def __init__(self, first: Plan) -> None:
        clock = SystemClock()
        self.said: list[FromWorker] = []
        self.plans = PlanBox()
        views = {"test": View(masks=MaskPainter(()), motion=MotionDetector())}
        scope = Scope(vision=Vision(views, clock), cameras={"test": 0}, say=self.said.append)
        self.swap = Swap(first, plans=self.plans, scope=scope, clock=clock)

    def on_trial(self) -> bool:
        return isinstance(self.swap.observer, Trial)

    def tell(self, plan: Plan) -> None:
        self.plans.put(plan)

    def step(self) -> None:
        """One turn of a worker's loop."""
        self.swap.turn()
        if self.swap.observer is None:
            self.swap.wait(1.0)
        else:
            self.sight = self.swap.observer.observe(scene())
            self.swap.observer.reflect(self.sight)

    def answer(self, number: int) -> Ready | Declined:
        """Go on until that plan is answered, and nothing is left to do."""
        for _ in range(_PATIENCE):
            self.step()
            if self.swap.loading:
                self.swap.wait(1.0)
            found = [
                said
                for said in self.said
                if isinstance(said, Ready | Declined) and said.plan == number
            ]
            if found and not self.swap.loading:
                self.step()
                return found[-1]
        raise AssertionError(f"plan {number} was not answered; it said {self.said[-5:]}")


def scene() -> Frame:
    """A red block, and a blue hook that fills seven sixteenths of its box."""
    pixels = np.full((240, 320, 3), 90, np.uint8)
    pixels[60:180, 80:160] = (20, 20, 230)
    pixels[40:200, 200:220] = (230, 20, 20)
    pixels[40:80, 200:280] = (230, 20, 20)
    return frame(pixels)


def models(folder: Path) -> list[ModelSettings]:
    """Good ones and bad ones, some on the one device that there is."""
    return [
        simulated(folder, "a"),
        simulated(folder, "b", open_ms=2),
        simulated(folder, "c", labels=("blue", "red")),
        simulated(folder, "tpu-a", delegate="tpu"),
        simulated(folder, "tpu-b", delegate="tpu", open_ms=2),
        simulated(folder, "bad", fail_after=1),
        simulated(folder, "tpu-bad", delegate="tpu", nan_after=0),
        ModelSettings(path=folder / "none", runtime="simulated"),
    ]


def test_whatever_is_planned_the_newest_is_answered_and_somebody_looks(tmp_path: Path) -> None:
    print(f"EDGED_TEST_SEED={SEED}")
    rng = random.Random(SEED)
    known = models(tmp_path)
    good = known[:5]
    stage = Stage(Plan(model=known[0], min_scores=(0.5,)))
    for number in range(1, STEPS + 1):
        plan = Plan(
            number=number,
            model=rng.choice(known),
            min_scores=(0.5,),
            shadow=rng.choice([None, *known]),
            shadow_every=1,
        )
        stage.tell(plan)
        for _ in range(rng.choice([0, 0, 1, 3])):
            stage.step()
        if rng.random() < 0.5:
            continue  # overtaken by the next one, or not
        answer = stage.answer(number)
        assert isinstance(answer, Ready) == (plan.model in good), (plan, answer)
        assert stage.swap.observer is not None
    stage.tell(Plan(number=STEPS + 1, model=known[0], min_scores=(0.5,)))
    assert isinstance(stage.answer(STEPS + 1), Ready)
    numbers = [said.plan for said in stage.said if isinstance(said, Ready | Declined)]
    assert numbers == sorted(set(numbers)), "each plan is answered once at most, in order"
    assert not SimulatedInterpreter._devices, "what no plan names is closed"
    stage.swap.close()


def test_a_trial_begins_once_the_shadow_is_there_and_ends_with_the_next_plan(
    tmp_path: Path,
) -> None:
    old, new = simulated(tmp_path, "old"), simulated(tmp_path, "new")
    stage = Stage(Plan(model=old, min_scores=(0.5,)))
    trial = Plan(number=1, model=new, shadow=old, shadow_every=1, min_scores=(0.5,))
    stage.tell(trial)
    assert isinstance(stage.answer(1), Ready)
    assert shadow_of(trial) == old
    assert stage.on_trial()
    assert [said.both for said in stage.said if isinstance(said, Compared)][-1] == 1
    shown = [loaded.model.interpreter for loaded in stage.swap._loaded]
    stage.tell(Plan(number=2, model=new, min_scores=(0.5,)))
    stage.answer(2)
    assert not stage.on_trial()
    with pytest.raises(InvokeError, match="after it was closed"):
        shown[0].invoke(np.zeros((1, 240, 320, 3), np.uint8))
    stage.swap.close()


def test_a_falter_is_told_with_the_frame_that_it_was_on(tmp_path: Path) -> None:
    old = simulated(tmp_path, "old")
    new = simulated(tmp_path, "new", fail_after=2)
    stage = Stage(Plan(model=old, min_scores=(0.5,)))
    stage.tell(Plan(number=1, model=new, shadow=old, shadow_every=1, min_scores=(0.5,)))
    stage.answer(1)
    faltered = next(said for said in stage.said if isinstance(said, Faltered))
    assert (faltered.kind, faltered.plan, faltered.camera) == ("invoke", 1, 0)
    assert faltered.frame_seq == 0
    assert not [said for said in stage.said if isinstance(said, Compared)]
    stage.swap.close()


@pytest.mark.parametrize(
    ("min_score", "shadow_score", "told", "compared"),
    [(0.3, 0.3, 2, 2), (0.8, 0.3, 1, 2), (0.3, 0.8, 2, 1)],
)
def test_what_is_told_and_what_is_compared_have_scores_of_their_own(
    tmp_path: Path, min_score: float, shadow_score: float, told: int, compared: int
) -> None:
    old, new = simulated(tmp_path, "old"), simulated(tmp_path, "new")
    stage = Stage(Plan(model=old, min_scores=(min_score,)))
    trial = Plan(number=1, model=new, shadow=old, shadow_every=1, min_scores=(min_score,))
    stage.tell(replace(trial, shadow_score=shadow_score))
    stage.answer(1)
    assert len(stage.sight.detections) == told
    last = [said for said in stage.said if isinstance(said, Compared)][-1]
    assert (last.both, last.only_new, last.only_old) == (compared, 0, 0)
    stage.swap.close()


def test_a_plan_that_comes_while_the_old_model_is_brought_back_is_answered(tmp_path: Path) -> None:
    old = simulated(tmp_path, "old", delegate="tpu", open_ms=20)
    stage = Stage(Plan(model=old, min_scores=(0.5,)))
    stage.tell(Plan(number=1, model=simulated(tmp_path, "bad", delegate="tpu", nan_after=0), min_scores=(0.5,)))  # fmt: skip
    while stage.swap._declined is None:
        stage.step()
    assert stage.swap.observer is None
    stage.tell(Plan(number=2, model=simulated(tmp_path, "new"), min_scores=(0.5,)))
    assert isinstance(stage.answer(2), Ready)
    assert [said.plan for said in stage.said if isinstance(said, Ready | Declined)] == [0, 2]
    stage.swap.close()


def test_a_first_plan_that_does_not_fit_the_cameras_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="2 least scores for 1 cameras"):
        Stage(Plan(model=simulated(tmp_path, "a"), min_scores=(0.5, 0.5)))
