"""What a further camera costs: CPU time per inferred frame, memory, and how evenly the model's time is shared.

    PYTHONPATH=.:tests python tests/bench/bench_camera_count.py [--json] [--model FILE] [--width N] [--height N] [--seconds N] [--rounds N]

A real worker process runs a model on 1, 2, 4 and 8 synthetic cameras that always have a frame ready. The rounds alternate between the counts. A camera's own frames
(two that it shows in turns) are part of the memory; they are told apart by the size of a frame.
"""

import argparse
import json
import platform
import time
from collections import Counter
from pathlib import Path
from statistics import median

from msgspec import Struct, to_builtins

from edged import bundled
from edged.config.settings import ModelSettings
from edged.vision.camera_messages import CameraPlan
from edged.vision.messages import ModelReady, Observation, WorkerPlan
from support.vision_worker import WorkerUnderTest, camera_job

COUNTS = (1, 2, 4, 8)
CYCLE = 2


class CameraCountRun(Struct, frozen=True, kw_only=True):
    """One run.

    Attributes:
        loop_cpu_ms: CPU time of the inference loop's thread per inferred frame, milliseconds.
        worker_cpu_ms: CPU time of the whole worker per inferred frame, milliseconds.
        share_error: largest difference of a camera's share of the inferences from that of its weight, as a share of the latter.
        memory_mb: proportional set size of the worker, MiB.
    """

    loop_cpu_ms: float
    worker_cpu_ms: float
    share_error: float
    memory_mb: float


def run_once(args: argparse.Namespace, weights: tuple[float, ...]) -> CameraCountRun:
    """Run a worker with so many cameras for some seconds."""
    size = {"width": args.width, "height": args.height}
    cameras = [
        camera_job(f"c{i}", speed="max", cycle=CYCLE, every_s=0.5, **size)
        for i in range(len(weights))
    ]
    plan = WorkerPlan(
        model=ModelSettings(path=args.model),
        cameras=tuple(CameraPlan(min_score=0.3, weight=weight) for weight in weights),
        log_level="warning",
    )
    with WorkerUnderTest(plan, *cameras, report_interval_s=0.25) as worker:
        worker.read_until(ModelReady)
        _warm_up(worker, len(weights))
        cpu_s = _cpu_s(worker.pid)
        served = _read_for(worker, args.seconds)
        used_s = {tid: spent_s - cpu_s.get(tid, 0.0) for tid, spent_s in _cpu_s(worker.pid).items()}
        memory_mb = _memory_mb(worker.pid)
    frames = sum(served.values())
    shares = [served[i] / frames * sum(weights) / weight for i, weight in enumerate(weights)]
    return CameraCountRun(
        loop_cpu_ms=used_s[str(worker.pid)] / frames * 1e3,
        worker_cpu_ms=sum(used_s.values()) / frames * 1e3,
        share_error=max(abs(share - 1) for share in shares),
        memory_mb=memory_mb,
    )


def _warm_up(worker: WorkerUnderTest, cameras: int) -> None:
    """Read until every camera has drawn its frames."""
    served: Counter[int] = Counter()
    while any(served[camera] <= CYCLE for camera in range(cameras)):
        served += _read_for(worker, 0.1)


def _read_for(worker: WorkerUnderTest, seconds: float) -> Counter[int]:
    end_s = time.monotonic() + seconds
    served: Counter[int] = Counter()
    while time.monotonic() < end_s:
        message = worker.read_message()
        if isinstance(message, Observation):
            served[message.camera] += 1
    return served


def _cpu_s(pid: int) -> dict[str, float]:
    stats = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return {stat.parent.name: int(stat.read_text().split()[0]) / 1e9 for stat in stats}


def _memory_mb(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(rollup.partition("Pss:")[2].split()[0]) / 1024


def main() -> None:
    """Print a table of medians, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, default=bundled.model_path("marks"))
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    cases = {f"{count} cameras": (1.0,) * count for count in COUNTS}
    cases["8 cameras, weights 1 to 8"] = tuple(float(weight) for weight in range(1, 9))
    runs: dict[str, list[CameraCountRun]] = {name: [] for name in cases}
    for _ in range(args.rounds):
        for name, weights in cases.items():
            runs[name].append(run_once(args, weights))
    machine = f"{platform.platform()}, Python {platform.python_version()}"
    if args.json:
        print(json.dumps({"machine": machine, "runs": to_builtins(runs)}))
        return
    print(machine)
    print(f"a camera's own frames: {CYCLE * args.width * args.height * 3 / 2**20:.1f} MiB")
    print(f"{'':<28}{'loop ms':>9}{'worker ms':>11}{'share error':>13}{'MiB':>8}")
    for name, measured in runs.items():
        print(
            f"{name:<28}{median(run.loop_cpu_ms for run in measured):>9.3f}{median(run.worker_cpu_ms for run in measured):>11.3f}"
            f"{median(run.share_error for run in measured):>13.3f}{median(run.memory_mb for run in measured):>8.1f}"
        )


if __name__ == "__main__":
    main()
