"""How much of a simulated accelerator's rate the vision worker reaches, with overlap and without.

    PYTHONPATH=.:tests python tests/bench/bench_overlap.py [--json] [--seconds N] [--pairs N]

A real worker process runs a simulated model whose invocation takes 5 ms (four 720p cameras) or 10 ms (one 720p MJPEG recording at full speed), nearly all of it
asleep. Runs with the model on a delegate, where frames overlap, and without one alternate. The share is inferences a second times the latency;
the age is the time from a frame's arrival to its detections, the invocation included.
"""

import argparse
import json
import platform
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import cv2
from msgspec import Struct, to_builtins

from edged.marks.synthetic_scene import SyntheticScene
from edged.vision.camera_messages import CameraJob
from edged.vision.messages import ModelReady, Observation
from support.vision_worker import WorkerUnderTest, camera_job, make_plan, simulated_model

WARM_UP_S = 1.0


class OverlapRun(Struct, frozen=True, kw_only=True):
    """One run.

    Attributes:
        share: inferences a second, as a share of what the accelerator alone could do.
        age_ms_p50: median age of a frame when its detections are known, milliseconds.
        worker_cpu_ms: CPU time of the worker per inference, camera threads included, milliseconds.
    """

    share: float
    age_ms_p50: float
    worker_cpu_ms: float


def run_once(
    cameras: tuple[CameraJob, ...],
    folder: Path,
    latency_ms: float,
    delegate: str | None,
    seconds: float,
) -> OverlapRun:
    """Run a worker for some seconds."""
    model = simulated_model(folder, "slow", latency_ms=latency_ms, delegate=delegate)
    plan = make_plan(0, model, cameras=len(cameras))
    with WorkerUnderTest(plan, *cameras, report_interval_s=0.25) as worker:
        worker.read_until(ModelReady)
        _read_for(worker, WARM_UP_S)
        cpu_s = _cpu_s(worker.pid)
        began_s = time.monotonic()
        seen = _read_for(worker, seconds)
        elapsed_s = time.monotonic() - began_s
        cpu_s = _cpu_s(worker.pid) - cpu_s
    ages_ms = [(at_ns - one.received_ns) / 1e6 for at_ns, one in seen]
    return OverlapRun(
        share=round(len(seen) / elapsed_s * latency_ms / 1e3, 4),
        age_ms_p50=round(median(ages_ms), 2),
        worker_cpu_ms=round(cpu_s / len(seen) * 1e3, 3),
    )


def _read_for(worker: WorkerUnderTest, seconds: float) -> list[tuple[int, Observation]]:
    end_s = time.monotonic() + seconds
    seen = []
    while time.monotonic() < end_s:
        message = worker.read_message()
        if isinstance(message, Observation):
            seen.append((worker.messages[-1].at_ns, message))
    return seen


def _write_scene(path: Path) -> Path:
    """Write a second of the synthetic scene, with its noise, as MJPEG."""
    scene = SyntheticScene(width=1280, height=720, fps=30.0, seed=1, interval_s=0.5)
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (1280, 720)
    )
    for index in range(30):
        writer.write(scene.render_frame(60 + index))
    writer.release()
    return path


def _cpu_s(pid: int) -> float:
    stats = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(stat.read_text().split()[0]) for stat in stats) / 1e9


def measure(args: argparse.Namespace, folder: Path) -> dict[str, dict[str, list[OverlapRun]]]:
    """Measure both cases, with and without a delegate in turns."""
    clip = _write_scene(folder / "clip.avi")
    live: dict[str, Any] = {"width": 1280, "height": 720, "cycle": 8, "every_s": 0.5, "fps": 60}
    cases = {
        "5 ms, four 720p cameras": (5.0, tuple(camera_job(f"c{i}", **live) for i in range(4))),
        "10 ms, one 720p MJPEG recording": (
            10.0,
            (camera_job("c0", "replay", path=str(clip), speed="max", loop=True),),
        ),
    }
    results: dict[str, dict[str, list[OverlapRun]]] = {}
    for name, (latency_ms, cameras) in cases.items():
        runs = results[name] = {"overlapped": [], "one after the other": []}
        for _ in range(args.pairs):
            for kind, delegate in (("overlapped", "simulated"), ("one after the other", None)):
                runs[kind].append(run_once(cameras, folder, latency_ms, delegate, args.seconds))
    return results


def main() -> None:
    """Print a table of medians, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edged-bench-") as folder:
        results = measure(args, Path(folder))
    machine = f"{platform.platform()}, Python {platform.python_version()}"
    if args.json:
        print(json.dumps({"machine": machine, "results": to_builtins(results)}))
        return
    print(machine)
    print(f"{'':<56}{'share':>7}{'(range)':>18}{'age ms':>9}{'CPU ms':>9}")
    for name, kinds in results.items():
        for kind, runs in kinds.items():
            shares = [run.share for run in runs]
            print(
                f"{name + ', ' + kind:<56}{median(shares):>7.3f}{f'{min(shares):.3f}..{max(shares):.3f}':>18}"
                f"{median(run.age_ms_p50 for run in runs):>9.2f}{median(run.worker_cpu_ms for run in runs):>9.2f}"
            )


if __name__ == "__main__":
    main()
