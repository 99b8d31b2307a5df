"""Measure what the simulation draws from: ``python -m probation_table.measure FILE``, some minutes on a machine that nothing else uses.

A real worker process runs a trial on a synthetic scene at 15 frames per second: marks-fast with a byte-identical copy of itself as the candidate, beside
0, 4, 8 and 20 processes that do nothing but compute, at the worker's priority. For the boxes, the candidates are another good model (marks) and two that
are degraded, without load.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edged import bundled
from edged.config.settings import ModelSettings
from edged.host.scheduling import read_main_wait_s
from edged.vision.messages import ModelReady, Observation, WorkerReport
from edged.vision.trial_messages import ShadowComparison
from support.degraded_models import blinded, noisy
from support.vision_worker import WorkerUnderTest, camera_job, make_plan

LOADS = (0, 4, 8, 20)
_MEASURE_S = 40.0
_BOXES_S = 60.0
_FAST = bundled.model_path("marks-fast")
_CAMERA = camera_job(
    source="synthetic", width=320, height=240, fps=15, cycle=600, every_s=0.5, stay_s=2.0
)


@contextmanager
def busy_machine(processes: int) -> Iterator[None]:
    """Let so many processes compute."""
    running = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)
    ]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def measure_load(processes: int, copy: ModelSettings) -> dict[str, object]:
    """Return times in microseconds and samples of frame counts, beside so many processes."""
    with busy_machine(processes):
        return _run_trial(copy, _MEASURE_S)


def _run_trial(candidate: ModelSettings, seconds: float) -> dict[str, object]:
    old = ModelSettings(path=_FAST)
    pairs, boxes, invoke_us = list[list[int]](), list[list[int]](), list[int]()
    samples = list[list[float]]()
    with WorkerUnderTest(make_plan(0, old), _CAMERA, report_interval_s=0.25) as worker:
        worker.read_until(Observation, timeout_s=60.0)
        worker.send_plan(make_plan(1, candidate, shadow=old, shadow_every=2, min_shadow_score=0.5))
        worker.read_until(ModelReady, lambda ready: ready.plan == 1, timeout_s=60.0)
        worker.read_until(ShadowComparison, timeout_s=60.0)
        end_s, last = time.monotonic() + seconds, _take_sample(worker, 0, 0)
        while time.monotonic() < end_s:
            match worker.read_message(60.0):
                case ShadowComparison() as compared:
                    pairs.append([compared.new_net_ns // 1000, compared.old_net_ns // 1000])
                    boxes.append([compared.both, compared.only_new, compared.only_old])
                case Observation(net_invoke_ns=ns):
                    invoke_us.append(ns // 1000)
                case WorkerReport(cameras=(camera,)):
                    now = _take_sample(worker, camera.captured, camera.inferred)
                    samples.append([round(b - a, 4) for a, b in zip(last, now, strict=True)])
                    last = now
                case _:
                    pass
    return {"pairs_us": pairs, "boxes": boxes, "invoke_us": invoke_us, "samples": samples[1:]}


def _take_sample(worker: WorkerUnderTest, captured: int, inferred: int) -> tuple[float, ...]:
    return time.monotonic(), read_main_wait_s(worker.pid), float(captured), float(inferred)


def main(target: Path) -> None:
    """Measure everything, and write it."""
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / f"{name}.tflite" for name in ("copy", "blinded", "noisy")}
        shutil.copy(_FAST, files["copy"])
        files["blinded"].write_bytes(blinded(_FAST.read_bytes()))
        files["noisy"].write_bytes(noisy(_FAST.read_bytes()))
        models = {name: ModelSettings(path=path) for name, path in files.items()}
        loads = {str(load): measure_load(load, models["copy"]) for load in LOADS}
        candidates = {
            "good": ModelSettings(),
            "noisy": models["noisy"],
            "blinded": models["blinded"],
        }
        boxes = {name: _run_trial(model, _BOXES_S)["boxes"] for name, model in candidates.items()}
    for measured in loads.values():
        del measured["boxes"]
    target.write_text(json.dumps({"loads": loads, "boxes": boxes}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
