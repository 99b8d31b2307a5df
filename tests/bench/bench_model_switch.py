"""The cost of a model switch in a running worker: lost frames, and the longest time without an observation.

    PYTHONPATH=.:tests python tests/bench/bench_model_switch.py [--json] [--model FILE] [--other FILE] [--fps N] [--switches N]

A real worker process runs on a synthetic camera. In turns the other model is loaded, warmed on its goldens and switched to, with the first as its
shadow, and then the first one takes over again. Between the switches the worker runs undisturbed for the same time: a busy machine loses frames
by itself, and the figures are compared with these.

*paced*: the camera gives `--fps` frames a second, and every frame counts. *saturated*: it gives frames as fast as they are taken, and none can be lost.
"""

import argparse
import json
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
from msgspec import Struct, to_builtins

from edged import bundled
from edged.clock import NS_PER_S
from edged.config.settings import ModelSettings
from edged.vision.camera_messages import CameraJob
from edged.vision.messages import ModelReady, Observation
from support.bundles import GOLDENS, make_goldens, write_files
from support.vision_worker import WorkerUnderTest, camera_job, make_plan, reported_ns

WARM_UP_S = 1.0
WINDOW_S = 1.0
"""After the plan is told; beyond the switch it shows the first comparisons."""


class SwitchWindow(Struct, frozen=True, kw_only=True):
    """A part of a run.

    Attributes:
        lost_frames: number of frames without an observation.
        longest_gap_ms: longest time between two observations.
        ready_ms: time from sending the plan to its `ModelReady`; 0.0 without a plan.
        reported_gap_ms: the gap that the worker reports.
    """

    lost_frames: int
    longest_gap_ms: float
    ready_ms: float = 0.0
    reported_gap_ms: float = 0.0


class SwitchRun:
    """A run of a worker with several plans."""

    def __init__(self, worker: WorkerUnderTest, first: ModelSettings, *, fps: float | None) -> None:
        self._worker = worker
        self._number = 0
        self._first_model = first
        self._fps = fps

    def measure_idle(self) -> SwitchWindow:
        """Measure without a switch."""
        return self._measure_window(time.monotonic_ns(), None)

    def measure_switch(self, model: ModelSettings, goldens: Path | None = None) -> SwitchWindow:
        """Measure a switch to another model, with the first one as its shadow."""
        self._number += 1
        shadow = self._first_model if model != self._first_model else None
        self._worker.send_plan(make_plan(self._number, model, goldens=goldens, shadow=shadow))
        began_ns = time.monotonic_ns()
        ready = self._worker.read_until(ModelReady, lambda message: message.plan == self._number)
        return self._measure_window(began_ns, ready)

    def _measure_window(self, began_ns: int, ready: ModelReady | None) -> SwitchWindow:
        ready_ns = time.monotonic_ns()
        while time.monotonic_ns() < ready_ns + int(WINDOW_S * NS_PER_S):
            self._worker.read_observations(1)
        seen = [one for one in self._worker.observations() if reported_ns(one) >= began_ns]
        return SwitchWindow(
            lost_frames=self._lost_frames(seen),
            longest_gap_ms=float(np.diff([reported_ns(one) for one in seen]).max()) / 1e6,
            ready_ms=(ready_ns - began_ns) / 1e6 if ready else 0.0,
            reported_gap_ms=ready.gap_ns / 1e6 if ready else 0.0,
        )

    def _lost_frames(self, seen: list[Observation]) -> int:
        """Count lost frames by the scene's time, so that frames which the camera's thread missed count as well."""
        if self._fps is None:
            return seen[-1].frame_seq - seen[0].frame_seq + 1 - len(seen)
        shown_s = (seen[-1].captured_ns - seen[0].captured_ns) / NS_PER_S
        return round(shown_s * self._fps) + 1 - len(seen)


def measure(
    source: CameraJob, args: argparse.Namespace, folder: Path, *, fps: float | None
) -> dict[str, object]:
    """Measure one run: switches and undisturbed times in turns; `fps` is None where no frame can be lost."""
    first, other = ModelSettings(path=args.model), ModelSettings(path=args.other)
    goldens = write_files(folder, make_goldens(args.other))[GOLDENS]
    with WorkerUnderTest(make_plan(0, first), source) as worker:
        worker.read_until(ModelReady)
        worker.read_observations(1)
        run = SwitchRun(worker, first, fps=fps)
        run.measure_idle()
        calm, loaded, back = [], [], []
        for _ in range(args.switches):
            calm.append(run.measure_idle())
            loaded.append(run.measure_switch(other, goldens))
            back.append(run.measure_switch(first))
    return {
        "calm": _summarize(calm),
        "to a new model": _summarize(loaded),
        "and back": _summarize(back),
    }


def _summarize(windows: list[SwitchWindow]) -> dict[str, float]:
    longest = [window.longest_gap_ms for window in windows]
    return {
        "windows": len(windows),
        "lost": sum(window.lost_frames for window in windows),
        "longest_ms": round(max(longest), 1),
        "longest_ms_p50": round(float(np.median(longest)), 1),
        "ready_ms_p50": round(float(np.median([window.ready_ms for window in windows])), 1),
        "declared_gap_ms": round(max(window.reported_gap_ms for window in windows), 3),
    }


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, default=bundled.model_path("marks"))
    parser.add_argument("--other", type=Path, default=bundled.model_path("marks-accurate"))
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--switches", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    shared = {"width": 1280, "height": 720, "cycle": 8, "every_s": 0.5, "fps": args.fps}
    paced, saturated = camera_job(speed="real", **shared), camera_job(speed="max", **shared)
    with tempfile.TemporaryDirectory(prefix="edged-bench-") as folder:
        goldens = Path(folder)
        measured = {
            "paced": measure(paced, args, goldens / "paced", fps=args.fps),
            "saturated": measure(saturated, args, goldens / "saturated", fps=None),
        }
    result = {
        "machine": f"{platform.platform()}, Python {platform.python_version()}",
        "model": args.model.name,
        "other": args.other.name,
        "fps": args.fps,
        **measured,
    }
    print(json.dumps(to_builtins(result)) if args.json else format_table(result))


def format_table(result: dict[str, object]) -> str:
    """Return the results as a table."""
    head = f"{result['model']} and {result['other']}, paced at {result['fps']:g} frames a second\n{result['machine']}"
    rows = [f"{'':<28}{'lost':>6}{'longest ms':>12}{'(median)':>10}{'ready ms':>10}{'gap ms':>9}"]
    for name in ("paced", "saturated"):
        windows = result[name]
        assert isinstance(windows, dict)
        rows += [
            f"{name + ', ' + kind:<28}{one['lost']:>6}{one['longest_ms']:>12}"
            f"{one['longest_ms_p50']:>10}{one['ready_ms_p50']:>10}{one['declared_gap_ms']:>9}"
            for kind, one in windows.items()
        ]
    return "\n".join((head, *rows))


if __name__ == "__main__":
    main()
