"""Measures one run: of a live program over a time, of the bare interpreter, and of the control."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

from edged.bench.bare import FIRST_RESULT_LINE
from edged.bench.live_program import ProgramSpec, running
from edged.bench.processes import parse_rollup, read_cpu_s, read_memory
from edged.bench.recording import (
    FrameArrival,
    find_stages,
    inferred_share,
    recording,
    select_frames,
    select_health,
)
from edged.bench.run_values import BARE, ProgramRun
from edged.bench.workspace import ModelOnRuntime, Workspace
from edged.clock import NS_PER_S
from edged.demo.run_folder import ended_with_parent
from edged.errors import EdgedError

WARM_UP_S = 1.0
CONTROL_TOPIC = "control/detections"
_MIN_FRAMES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BareMeasurement:
    """The bare interpreter's run, and what it knows of the model.

    Attributes:
        run: the run.
        input_shape: shape of the model's input.
        output_count: number of its outputs.
    """

    run: ProgramRun
    input_shape: tuple[int, ...]
    output_count: int


def measure_program(workspace: Workspace, spec: ProgramSpec) -> ProgramRun:
    """Start a program, measure it for the workspace's seconds, and end it.

    Raises:
        EdgedError: it publishes no detections.
    """
    with running(workspace, spec) as program:
        workspace.clock.sleep(WARM_UP_S)
        began_ns, cpu_before = workspace.clock.monotonic_ns(), read_cpu_s(program.list_processes())
        with workspace.meter as meter:
            workspace.clock.sleep(workspace.seconds)
        cpu_after = read_cpu_s(program.list_processes())
        ended_ns = workspace.clock.monotonic_ns()
        memory = read_memory(program.list_processes())
        program.stop()  # its last health report has the stages' times
        arrivals = program.messages.read()
    measured = [one for one in select_frames(arrivals) if began_ns <= one.arrived_ns <= ended_ns]
    wall_s, reports = (ended_ns - began_ns) / NS_PER_S, select_health(arrivals)
    return ProgramRun(
        # A live camera's frames that the model did not see are numbered, too.
        frames=count_rate(measured, spec.name) * wall_s * inferred_share(reports),
        wall_s=wall_s,
        cpu_s={name: cpu_after[name] - cpu_before.get(name, 0.0) for name in cpu_after},
        memory=memory,
        start_s=program.start_s,
        latency_s=tuple(one.latency_s for one in measured),
        stage_s=find_stages(reports),
        energy_j=meter.energy_j,
    )


def measure_start(workspace: Workspace, spec: ProgramSpec) -> ProgramRun:
    """Start a program, wait for its first detections, read its memory a little later, and end it.

    Raises:
        EdgedError: it publishes no detections.
    """
    with running(workspace, spec) as program:
        workspace.clock.sleep(WARM_UP_S)
        return ProgramRun(
            frames=1,
            wall_s=program.start_s or 0.0,
            start_s=program.start_s,
            memory=read_memory(program.list_processes()),
        )


def measure_control(workspace: Workspace, fps: float) -> list[FrameArrival]:
    """Return the messages of the control program at the subscriber.

    Raises:
        EdgedError: the subscriber does not connect, or none arrive.
    """
    arguments = [str(workspace.port), CONTROL_TOPIC, str(fps), str(workspace.seconds)]
    with recording(
        workspace.folder, workspace.port, CONTROL_TOPIC, workspace.cores, workspace.clock
    ) as messages:
        subprocess.run(
            ended_with_parent([sys.executable, "-m", "edged.bench.control", *arguments]),
            stdin=subprocess.DEVNULL,
            check=False,
        )
        arrived = select_frames(messages.read())
    if not arrived:
        raise EdgedError("the benchmark's control messages did not arrive")
    return arrived


def measure_bare(workspace: Workspace, model: ModelOnRuntime, threads: int = 1) -> BareMeasurement:
    """Run the interpreter alone.

    Args:
        workspace: what the runs share.
        model: the model.
        threads: number of the interpreter's CPU threads.

    Raises:
        EdgedError: the interpreter cannot run the model.
    """
    arguments = [model.module, str(model.path), str(workspace.seconds), str(threads)]
    began_ns = workspace.clock.monotonic_ns()
    with (
        TemporaryFile() as errors,
        subprocess.Popen(
            ended_with_parent([sys.executable, "-m", "edged.bench.bare", *arguments]),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as child,
    ):
        if child.stdout is None or child.stdout.readline().strip() != FIRST_RESULT_LINE:
            child.wait()
            raise EdgedError(
                f"the bare interpreter cannot run {model.path}: {_read_reason(errors)}"
            )
        start_s = (workspace.clock.monotonic_ns() - began_ns) / NS_PER_S
        with workspace.meter as meter:
            measured = json.loads(child.stdout.readline())
    run = ProgramRun(
        frames=measured["frames"],
        wall_s=measured["wall_s"],
        cpu_s={BARE: measured["cpu_s"]},
        memory={BARE: parse_rollup(measured["rollup"])},
        start_s=start_s,
        invoke_s=measured["invoke_s"],
        energy_j=meter.energy_j,
    )
    return BareMeasurement(
        run=run,
        input_shape=tuple(measured["input_shape"]),
        output_count=measured["output_count"],
    )


def count_rate(frames: Sequence[FrameArrival], name: str) -> float:
    """Return the frames per second, from the numbers of the first and the last frame: frames without a message count.

    Raises:
        EdgedError: there are fewer than two frames.
    """
    if len(frames) < _MIN_FRAMES or frames[-1].received_ns <= frames[0].received_ns:
        raise EdgedError(
            f"{name} published the detections of {len(frames)} frames only: measure for longer, or use frames that have objects"
        )
    span_s = (frames[-1].received_ns - frames[0].received_ns) / NS_PER_S
    return (frames[-1].frame - frames[0].frame) / span_s


def _read_reason(errors: IO[bytes]) -> str:
    """Return the last line that a failed process wrote to standard error; of a traceback, that is the error."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote no error")
