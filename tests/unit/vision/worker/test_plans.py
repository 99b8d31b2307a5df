from pathlib import Path

import pytest

from edged.config.settings import ModelSettings
from edged.vision.messages import WorkerPlan
from edged.vision.worker.plans import PlanMailbox, needs_same_device, shadow_of, uses_model


def on(delegate: str | None, name: str = "a") -> ModelSettings:
    return ModelSettings(path=Path(name), delegate=delegate)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [(None, None, False), ("tpu", None, False), ("tpu", "tpu", True), ("tpu", "gpu", False)],
)
def test_models_share_a_device_if_they_have_the_same_delegate(
    one: str | None, other: str | None, *, shared: bool
) -> None:
    assert needs_same_device(on(one), on(other, "b")) is shared
    assert needs_same_device(on(other, "b"), on(one)) is shared


def test_without_a_trial_there_is_no_shadow() -> None:
    assert shadow_of(WorkerPlan(model=on(None))) is None


def test_a_trial_has_a_shadow() -> None:
    old = on(None, "old")
    assert shadow_of(WorkerPlan(model=on(None), shadow=old)) is old
    assert shadow_of(WorkerPlan(model=on("tpu"), shadow=old)) is old


def test_a_model_is_no_shadow_of_itself() -> None:
    assert shadow_of(WorkerPlan(model=on(None), shadow=on(None))) is None


def test_where_one_device_serves_both_there_is_no_shadow() -> None:
    assert shadow_of(WorkerPlan(model=on("tpu"), shadow=on("tpu", "old"))) is None


def test_a_plan_names_its_model_and_the_shadow_that_it_can_have() -> None:
    plan = WorkerPlan(model=on("tpu", "new"), shadow=on(None, "old"))
    assert uses_model(plan, on("tpu", "new"))
    assert uses_model(plan, on(None, "old"))
    assert not uses_model(plan, on(None, "new"))
    assert not uses_model(WorkerPlan(model=on("tpu"), shadow=on("tpu", "old")), on("tpu", "old"))


def test_the_newest_plan_wins_and_is_taken_once() -> None:
    box = PlanMailbox()
    assert box.take() is None
    box.put(WorkerPlan(number=1, model=on(None)))
    box.put(WorkerPlan(number=2, model=on(None)))
    taken = box.take()
    assert taken is not None
    assert taken.number == 2
    assert box.take() is None
