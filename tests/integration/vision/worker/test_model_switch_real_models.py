"""Changing real models under running cameras, on the runtime that there is."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from edged import bundled
from edged.config.settings import ModelSettings
from edged.vision.messages import ModelReady, PlanDeclined, WorkerPlan
from edged.vision.trial_messages import ShadowComparison
from support.bundles import GOLDENS, bundle_files, write_files
from support.data_files import data_file
from support.edgetpu import build_simulator
from support.vision_worker import (
    LIVE_CAMERA,
    WorkerUnderTest,
    camera_job,
    live_camera,
    make_plan,
    reported_ns,
)

pytestmark = pytest.mark.runtime

MARKS = ModelSettings()
TPU = "models/mobilenet_v1_0.25_128_quant_edgetpu.tflite"


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelSettings, Path]:
    """Another model, as it lies in a store: its settings and its goldens."""
    contents = bundle_files(bundled.model_path("marks-fast"))
    files = write_files(tmp_path_factory.mktemp("fast") / "files", contents)
    return ModelSettings(path=files["model.tflite"]), files[GOLDENS]


def test_a_model_is_warmed_on_its_goldens_beside_the_active_one(
    fast: tuple[ModelSettings, Path],
) -> None:
    model, goldens = fast
    with WorkerUnderTest(make_plan(0, MARKS), camera_job(fps=30, cycle=16, frames=150)) as worker:
        worker.read_observations(30)
        worker.send_plan(
            make_plan(1, model, name="fast@2", goldens=goldens, shadow=MARKS, shadow_every=3)
        )
        ready = worker.read_until(ModelReady, lambda message: message.plan == 1)
        assert (ready.model_name, ready.family) == ("fast@2", "ssd")
        assert worker.read_until(ShadowComparison).both
        worker.send_plan(make_plan(2, MARKS))
        worker.read_until(ModelReady, lambda message: message.plan == 2)
        report = worker.read_until_ended()
    (one,) = report.cameras
    assert one.captured == one.inferred + one.dropped
    seen = worker.observations()
    assert all(a.frame_seq < b.frame_seq for a, b in itertools.pairwise(seen))
    longest_ms = np.diff([reported_ns(one) for one in seen]).max() / 1e6
    print(f"dropped {one.dropped} of {one.captured}, longest gap {longest_ms:.1f} ms at 30 fps")


def test_a_model_that_fails_its_goldens_is_declined(fast: tuple[ModelSettings, Path]) -> None:
    model, goldens = fast
    wrong = goldens.with_name("wrong.json")
    wrong.write_bytes(goldens.read_bytes().replace(b'"class_id": 0', b'"class_id": 1'))
    assert wrong.read_bytes() != goldens.read_bytes()
    with WorkerUnderTest(make_plan(0, MARKS), LIVE_CAMERA) as worker:
        worker.read_observations(10)
        worker.send_plan(make_plan(1, model, goldens=wrong))
        assert "fails its goldens: 0" in worker.read_until(PlanDeclined).reason
        worker.read_observations(10)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build_simulator(tmp_path_factory.mktemp("edgetpu")))


def on_tpu(simulator: str, path: Path, **options: str) -> ModelSettings:
    """A file that the EdgeTPU compiler made, on a device that one model at a time can have."""
    all_options = {"echo": "1", "exclusive": "1", **options}
    return ModelSettings(path=path, delegate=simulator, delegate_options=all_options)


def plan_without_shadow(number: int, model: ModelSettings) -> WorkerPlan:
    return make_plan(number, model, min_score=0.0)


def test_an_edgetpu_changes_hands(simulator: str, tmp_path: Path) -> None:
    copy = tmp_path / "new.tflite"
    copy.write_bytes(data_file(TPU).read_bytes())
    old, new = (
        on_tpu(simulator, data_file(TPU)),
        on_tpu(simulator, copy, open_us="200000"),
    )
    with WorkerUnderTest(plan_without_shadow(0, old), live_camera(400)) as worker:
        worker.read_observations(50)
        worker.send_plan(plan_without_shadow(1, new))
        ready = worker.read_until(ModelReady, lambda message: message.plan == 1)
        assert "edgetpu_sim" in ready.delegate
        assert ready.gap_ns >= 200e6
        (one,) = worker.read_until_ended().cameras
    assert one.captured == one.inferred + one.dropped
    print(f"gap {ready.gap_ns / 1e6:.0f} ms, dropped {one.dropped} of {one.captured}")


def test_an_edgetpu_that_does_not_open_for_the_new_model_is_given_back(simulator: str) -> None:
    old = on_tpu(simulator, data_file(TPU))
    with WorkerUnderTest(plan_without_shadow(0, old), LIVE_CAMERA) as worker:
        worker.read_observations(20)
        worker.send_plan(plan_without_shadow(1, on_tpu(simulator, data_file(TPU), device="absent")))
        assert "no device found" in worker.read_until(PlanDeclined).reason
        worker.read_observations(20)


def test_the_cpu_takes_over_without_a_gap(simulator: str) -> None:
    with WorkerUnderTest(
        plan_without_shadow(0, on_tpu(simulator, data_file(TPU))), LIVE_CAMERA
    ) as worker:
        worker.read_observations(20)
        worker.send_plan(make_plan(1, MARKS))
        ready = worker.read_until(ModelReady, lambda message: message.plan == 1)
        assert "edgetpu_sim" not in ready.delegate
        worker.send_plan(plan_without_shadow(2, on_tpu(simulator, data_file(TPU))))
        assert (
            "edgetpu_sim"
            in worker.read_until(ModelReady, lambda message: message.plan == 2).delegate
        )
