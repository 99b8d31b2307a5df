"""The motion gate is off while a model's rate is measured: before a trial, and in it, with and without a shadow."""

from dataclasses import replace
from pathlib import Path

import pytest

from edged.config.settings import ModelSettings
from edged.updates.bundle.manifest import Probation
from edged.updates.installer.messages import InstallFinished
from edged.updates.service.active_model_selector import _with_shadow
from edged.updates.service.installed_versions import RunnableVersion
from edged.vision.active_model import ActiveModel
from edged.vision.plan import is_same_model
from support.store_device import StoreDevice, make_version
from support.update_scenario import Scenario, staged_scenario

OLD, NEW = make_version("1"), make_version("2", counter=2)
NO_BASELINE = make_version("3", counter=3, probation=Probation(min_baseline_s=0.0))
QUIET_S = 60.0
"""Longer than a baseline looks back."""


def test_the_gate_is_off_from_the_baseline_to_the_end_of_the_trial(tmp_path: Path) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.run(1)
    installed = scenario.updates.active_model
    assert (scenario.state, installed.sees_every_frame) == ("self-tested", True)
    scenario.run(7)
    assert scenario.state == "trial"
    assert scenario.updates.active_model.sees_every_frame
    scenario.run(310)
    assert scenario.state == ""
    assert not scenario.updates.active_model.sees_every_frame


def test_what_a_gate_let_through_before_is_no_baseline(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path)
    device = StoreDevice(scenario.disk, {one.digest: one for one in (OLD, NEW)})
    device.start()
    device.install(OLD.digest)
    device.begin(NEW.digest)
    while device.ledger.deployment and device.ledger.deployment.state != "staged":
        device.step()
    scenario.start()
    scenario.run(QUIET_S, fps=0)
    device.ledger = scenario.store.read_ledger()
    while device.ledger.deployment and device.ledger.deployment.state != "self-tested":
        device.step()
    scenario.updates.process_message(InstallFinished())
    assert scenario.updates.active_model.sees_every_frame
    scenario._applied_model = scenario.updates.active_model  # the worker has not answered yet
    scenario.run(20)
    assert scenario.state == "trial"
    in_flight = scenario.updates.status().deployment
    assert in_flight is not None
    assert in_flight.baseline_fps == pytest.approx(12, abs=1)  # as many as `run` gives


def test_a_bundle_that_asks_for_no_baseline_gets_a_rate_all_the_same(tmp_path: Path) -> None:
    scenario = staged_scenario(tmp_path, NO_BASELINE, OLD)
    scenario.run(4)
    in_flight = scenario.updates.status().deployment
    assert scenario.state == "trial"
    assert in_flight is not None
    assert in_flight.baseline_fps > 0


def test_a_candidate_without_a_shadow_sees_every_frame_too() -> None:
    accelerated = RunnableVersion(model=ActiveModel(settings=ModelSettings(delegate="edgetpu")))
    on_trial = _with_shadow(accelerated, accelerated)
    assert (on_trial.model.shadow, on_trial.model.sees_every_frame) == (None, True)


def test_a_worker_is_told_that_a_model_is_measured() -> None:
    model = ActiveModel(settings=ModelSettings())
    assert not is_same_model(model, replace(model, sees_every_frame=True))
