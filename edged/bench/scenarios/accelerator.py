"""Scenario ``accelerator``: simulated accelerators that take 5 ms with four cameras, and 10 ms with an MJPEG clip."""

import json
import subprocess
import sys
from pathlib import Path

from edged.bench.counted_run import measure_counted
from edged.bench.daemon_config import replay_camera, synthetic_camera
from edged.bench.frame_files import draw_frames, write_array, write_mjpeg
from edged.bench.report_values import Row, Section
from edged.bench.results import make_row, with_goals
from edged.bench.run_values import BARE, EDGED, ProgramRun
from edged.bench.scenarios.settings import ScenarioSettings
from edged.bench.workspace import ModelOnRuntime, Workspace
from edged.demo.run_folder import ended_with_parent
from edged.errors import EdgedError

NOMINAL = "nominal"
_STREAMS = 4
_STREAMS_MS, _MJPEG_MS = 5.0, 10.0
_CLIP_REPETITIONS = 20
_MS_PER_S = 1000
_FRAMES_NAME = "frames.npy"


def run_accelerator(settings: ScenarioSettings) -> Section:
    """Measure both accelerators in turn, and the simulated interpreter alone beside them.

    Raises:
        EdgedError: the daemon does not start, or OpenCV cannot write an MJPEG clip.
    """
    folder, clock = settings.workspace.folder.path, settings.workspace.clock
    width, height = settings.size
    frames = draw_frames(width, height, clock)
    rate = _MS_PER_S / _MJPEG_MS
    write_array(frames, folder / _FRAMES_NAME)
    clip = write_mjpeg(frames, folder / "frames.avi", rate, _CLIP_REPETITIONS)
    each_fps = _MS_PER_S / _STREAMS_MS / _STREAMS
    streams = [synthetic_camera(width, height, fps=each_fps, name=f"c{k}") for k in range(_STREAMS)]
    mjpeg = [replay_camera(clip, fps=rate, speed="max")]
    rows = [
        _measure(
            settings,
            "rate_streams",
            f"{_STREAMS} streams",
            latency_ms=_STREAMS_MS,
            cameras=streams,
            done=0.0,
        ),
        _measure(
            settings,
            "rate_mjpeg",
            "one MJPEG stream",
            latency_ms=_MJPEG_MS,
            cameras=mjpeg,
            done=0.5,
        ),
    ]
    return Section(
        title="a simulated accelerator",
        rows=tuple(with_goals(row, settings.conditions) for row in rows),
    )


def _measure(
    settings: ScenarioSettings,
    key: str,
    title: str,
    *,
    latency_ms: float,
    cameras: list[str],
    done: float,
) -> Row:
    model = _make_model(settings.workspace, key, latency_ms)
    bare, daemon = [], []
    for number in range(settings.rounds):
        settings.report(f"{title}, round {number + 1}", done + 0.5 * number / settings.rounds)
        bare.append(_measure_bare(settings.workspace, model.path).fps)
        daemon.append(measure_counted(settings.workspace, model, cameras).inferred_fps)
    nominal = [_MS_PER_S / latency_ms] * settings.rounds
    return make_row(
        key,
        f"frames per second, {title}, {latency_ms:g} ms",
        "1/s",
        {NOMINAL: nominal, BARE: bare, EDGED: daemon},
        digits=1,
        lower_is_better=False,
    )


def _make_model(workspace: Workspace, key: str, latency_ms: float) -> ModelOnRuntime:
    """Make a model whose invoke takes `latency_ms` in all: what its own search takes is measured, and only the rest is waited."""
    path = workspace.folder.path / f"{key}.json"
    search = _write_model(path, 0.0)
    alone = _measure_bare(workspace, search.path)
    # CPU time: on a busy machine the wall time would be too long.
    search_ms = alone.sum_cpu_s() / alone.frames * _MS_PER_S
    return _write_model(path, max(0.0, latency_ms - search_ms))


def _write_model(path: Path, latency_ms: float) -> ModelOnRuntime:
    path.write_text(json.dumps({"faults": {"latency_ms": latency_ms}}))
    return ModelOnRuntime(path=path, runtime="simulated", module="")


def _measure_bare(workspace: Workspace, model: Path) -> ProgramRun:
    arguments = [str(model), str(workspace.seconds), str(workspace.folder.path / _FRAMES_NAME)]
    done = subprocess.run(
        ended_with_parent([sys.executable, "-m", "edged.bench.bare_simulated", *arguments]),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise EdgedError(f"the simulated interpreter failed: {done.stderr.decode()[-300:]}")
    measured = json.loads(done.stdout)
    return ProgramRun(
        frames=measured["frames"], wall_s=measured["wall_s"], cpu_s={BARE: measured["cpu_s"]}
    )
