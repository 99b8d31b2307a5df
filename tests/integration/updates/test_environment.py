"""A whole daemon with a good model on trial on a host that makes it hard: paused, busy, or with an accelerator that opens slowly."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged import bundled
from edged.updates.bundle.manifest import Variant
from edged.updates.service.control_messages import StatusRequest
from support.bundles import GOLDENS, make_bundle
from support.edgetpu import build_simulator
from support.mqtt_recorder import Body
from support.sampling import Extent, sampled
from support.update_device import QUICK_TRIAL, UpdateDevice, running_device

FAST = bundled.model_path("marks-fast")
HANG_S = 1.0
PAUSE_S = 4.0
OPEN_S = 3.0
JUDGED_TRIAL = replace(
    QUICK_TRIAL, min_s=8.0, min_frames=60, max_s=60.0, min_fps_ratio=0.9, max_p95_ratio=1.25
)
"""A short trial with the limits of a long one."""


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpdateDevice]:
    """A device with marks-fast for a factory model."""
    folder = tmp_path_factory.mktemp("device")
    model = f'bundled = "marks-fast"\nhang_s = {HANG_S}'
    with running_device(folder, model=model) as running:
        running.recorder.await_event("start", timeout_s=60.0)
        yield running


def is_on_trial(body: Body, id_: str) -> bool:
    candidate = body["candidate"]
    return candidate is not None and candidate["id"] == id_ and candidate["state"] == "trial"


def worker_restarts(device: UpdateDevice) -> int:
    return int(device.recorder.payloads("/health")[-1]["worker_restarts"])


@pytest.mark.parametrize("victims", ["daemon", "all"])
def test_a_daemon_that_is_paused_in_a_trial_loses_no_worker_and_denies_no_model(
    device: UpdateDevice, tmp_path: Path, victims: str
) -> None:
    bundle = make_bundle(
        tmp_path, device.signing, name=f"paused-{victims}", model=FAST, probation=QUICK_TRIAL
    )
    restarts = worker_restarts(device)
    id_ = device.install(bundle)
    device.await_model_state(lambda body: is_on_trial(body, id_))
    pids = [device.daemon.process.pid, *(device.daemon.worker_pids() if victims == "all" else ())]
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in pids:
            os.kill(pid, number)
        time.sleep(PAUSE_S if number is signal.SIGSTOP else 0)  # the pause is what is tested
    last = device.await_outcome(id_)
    assert (last["outcome"], last["denied"]) == ("committed", False), last["reason"]
    assert worker_restarts(device) == restarts


def test_a_worker_that_is_killed_in_a_trial_is_started_again_and_the_trial_goes_on(
    device: UpdateDevice, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path, device.signing, name="killed", model=FAST, probation=QUICK_TRIAL)
    id_ = device.install(bundle)
    device.await_model_state(lambda body: is_on_trial(body, id_))
    os.kill(device.daemon.worker_pids()[0], signal.SIGKILL)
    last = device.await_outcome(id_)
    assert (last["outcome"], last["denied"]) == ("committed", False), last["reason"]


@pytest.mark.runtime
def test_a_delegate_that_opens_slower_than_a_worker_may_hang_is_no_evidence(
    tmp_path: Path,
) -> None:
    delegate = build_simulator(tmp_path)
    model = (
        f'bundled = "marks-fast"\nhang_s = {HANG_S}\ndelegate = "{delegate}"\n'
        f'delegate_options = {{ open_us = "{int(OPEN_S * 1e6)}" }}'
    )
    variants = tuple(
        Variant(kind=kind, model="model.tflite", goldens=GOLDENS) for kind in ("cpu", "edgetpu")
    )
    with running_device(tmp_path, model=model) as device:
        device.recorder.await_event("start", timeout_s=60.0)
        restarts = worker_restarts(device)
        probation = replace(QUICK_TRIAL, min_boxes=0)
        bundle = make_bundle(
            tmp_path,
            device.signing,
            name="slow-to-open",
            model=FAST,
            probation=probation,
            variants=variants,
        )
        last = device.await_outcome(device.install(bundle))
        assert (last["outcome"], last["denied"]) == ("committed", False), last["reason"]
        assert worker_restarts(device) == restarts


@contextmanager
def busy_machine(processes: int) -> Iterator[None]:
    """Let so many processes compute."""
    running = [
        subprocess.Popen([sys.executable, "-c", "import os; os.nice(1)\nwhile True: pass"])
        for _ in range(processes)
    ]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


@sampled
def test_a_byte_identical_model_on_a_busy_machine_is_committed(
    device: UpdateDevice, tmp_path: Path, extent: Extent
) -> None:
    """One bundle beside four busy processes; in the campaign twenty, beside twenty."""
    count, load = (20, 20) if extent == "full" else (1, 4)
    copy = tmp_path / "copy.tflite"
    shutil.copy(FAST, copy)
    with busy_machine(load):
        for number in range(count):
            bundle = make_bundle(
                tmp_path,
                device.signing,
                name=f"copy-{load}-{number}",
                model=copy,
                probation=JUDGED_TRIAL,
            )
            last = device.await_outcome(device.install(bundle), timeout_s=240.0)
            print(f"{last['title']}: {last['outcome']}, {last['reason'] or 'no remark'}")
            assert last["outcome"] == "committed", last["reason"]
    assert not device.send_request(StatusRequest()).status.denied
