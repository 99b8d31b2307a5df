"""Changing real models under running cameras, on the runtime that there is."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from edged import bundled
from edged.config.settings import ModelSettings
from edged.vision.messages import Compared, Declined, Plan, Ready
from support.bundles import GOLDENS, bundle_files, lay_out
from support.data import data
from support.edgetpu import build_simulator
from support.visionworker import LIVE, Worker, camera, live, plan, told_ns

pytestmark = pytest.mark.runtime

MARKS = ModelSettings()
TPU = "models/mobilenet_v1_0.25_128_quant_edgetpu.tflite"


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelSettings, Path]:
    """Another model, as it lies in a store: its settings and its goldens."""
    contents = bundle_files(bundled.model("marks-fast"))
    files = lay_out(tmp_path_factory.mktemp("fast") / "files", contents)
    return ModelSettings(path=files["model.tflite"]), files[GOLDENS]


def test_a_model_is_warmed_on_its_goldens_beside_the_one_that_looks(
    fast: tuple[ModelSettings, Path],
) -> None:
    model, goldens = fast
    with Worker(plan(0, MARKS), camera(fps=30, cycle=16, frames=150)) as worker:
        worker.watch(30)
        worker.tell(plan(1, model, name="fast@2", goldens=goldens, shadow=MARKS, shadow_every=3))
        ready = worker.until(Ready, lambda said: said.plan == 1)
        assert (ready.model, ready.family) == ("fast@2", "ssd")
        assert worker.until(Compared).both
        worker.tell(plan(2, MARKS))
        worker.until(Ready, lambda said: said.plan == 2)
        report = worker.to_the_end()
    (one,) = report.cameras
    assert one.captured == one.inferred + one.dropped
    seen = worker.observations()
    assert all(a.frame_seq < b.frame_seq for a, b in itertools.pairwise(seen))
    longest_ms = np.diff([told_ns(one) for one in seen]).max() / 1e6
    print(f"dropped {one.dropped} of {one.captured}, longest gap {longest_ms:.1f} ms at 30 fps")


def test_a_model_that_fails_its_goldens_is_declined(fast: tuple[ModelSettings, Path]) -> None:
    model, goldens = fast
    wrong = goldens.with_name("wrong.json")
    wrong.write_bytes(goldens.read_bytes().replace(b'"class_id": 0', b'"class_id": 1'))
    assert wrong.read_bytes() != goldens.read_bytes()
    with Worker(plan(0, MARKS), LIVE) as worker:
        worker.watch(10)
        worker.tell(plan(1, model, goldens=wrong))
        assert "does not find what its goldens say: 0" in worker.until(Declined).reason
        worker.watch(10)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build_simulator(tmp_path_factory.mktemp("edgetpu")))


def on_tpu(simulator: str, path: Path, **options: str) -> ModelSettings:
    """A file that the EdgeTPU compiler made, on a device that one model at a time can have."""
    told = {"echo": "1", "exclusive": "1", **options}
    return ModelSettings(path=path, delegate=simulator, delegate_options=told)


def looking(number: int, model: ModelSettings) -> Plan:
    return Plan(number=number, model=model, min_scores=(0.0,))


def test_an_edgetpu_changes_hands(simulator: str, tmp_path: Path) -> None:
    copy = tmp_path / "new.tflite"
    copy.write_bytes(data(TPU).read_bytes())
    old, new = (
        on_tpu(simulator, data(TPU)),
        on_tpu(simulator, copy, open_us="200000"),
    )
    with Worker(looking(0, old), live(400)) as worker:
        worker.watch(50)
        worker.tell(looking(1, new))
        ready = worker.until(Ready, lambda said: said.plan == 1)
        assert "edgetpu_sim" in ready.delegate
        assert ready.gap_ns >= 200e6
        (one,) = worker.to_the_end().cameras
    assert one.captured == one.inferred + one.dropped
    print(f"gap {ready.gap_ns / 1e6:.0f} ms, dropped {one.dropped} of {one.captured}")


def test_an_edgetpu_that_does_not_open_for_the_new_model_is_given_back(simulator: str) -> None:
    old = on_tpu(simulator, data(TPU))
    with Worker(looking(0, old), LIVE) as worker:
        worker.watch(20)
        worker.tell(looking(1, on_tpu(simulator, data(TPU), device="absent")))
        assert "no device found" in worker.until(Declined).reason
        worker.watch(20)


def test_the_cpu_takes_over_without_a_gap(simulator: str) -> None:
    with Worker(looking(0, on_tpu(simulator, data(TPU))), LIVE) as worker:
        worker.watch(20)
        worker.tell(plan(1, MARKS))
        ready = worker.until(Ready, lambda said: said.plan == 1)
        assert "edgetpu_sim" not in ready.delegate
        worker.tell(looking(2, on_tpu(simulator, data(TPU))))
        assert "edgetpu_sim" in worker.until(Ready, lambda said: said.plan == 2).delegate
