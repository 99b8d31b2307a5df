"""A program that publishes detections while it is measured: the daemon, or the tutorial loop."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edged.bench.build import THIS_BUILD, Build
from edged.bench.processes import list_processes
from edged.bench.recording import Recording, recording
from edged.bench.run_values import TUTORIAL
from edged.bench.workspace import ModelOnRuntime, Workspace
from edged.clock import NS_PER_S
from edged.demo.run_folder import ended_with_parent
from edged.errors import EdgedError

_LOG_NAME = "program.log"
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 15.0
_LOG_TAIL = 1500
TUTORIAL_TOPIC = "tutorial/detections"
DAEMON_FILTER = "edged/v1/#"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSpec:
    """A program and how it is started.

    Attributes:
        name: its name in the result.
        command: its command line.
        topic_filter: what it publishes.
        has_children: True if its children belong to it.
        build: the build of edged that it runs.
    """

    name: str
    command: Sequence[str]
    topic_filter: str
    has_children: bool
    build: Build = THIS_BUILD


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveProgram:
    """A running program that has published detections.

    Attributes:
        spec: the program.
        process: its first process.
        messages: what the subscriber records.
        start_s: time from the start of the process to its first detections, in seconds; None if they were not awaited.
    """

    spec: ProgramSpec
    process: subprocess.Popen[bytes]
    messages: Recording
    start_s: float | None

    def list_processes(self) -> Mapping[str, int]:
        """Return the ids of its processes, by name."""
        if self.spec.has_children:
            return list_processes(self.process.pid)
        return {self.spec.name: self.process.pid}

    def stop(self) -> None:
        """End it, and wait until it has ended; a second call does nothing."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def daemon_spec(
    workspace: Workspace, config: str, build: Build = THIS_BUILD, *, is_gated: bool = False
) -> ProgramSpec:
    """Write a configuration, and return the daemon that runs it.

    Args:
        workspace: what the runs share.
        config: the configuration's text.
        build: the build of edged.
        is_gated: True if the model is to run only while something changes, as by default; otherwise it runs on every frame.
    """
    if build.has_gate and not is_gated:
        config += '\n[inference]\ngate = "off"\n'
    path = workspace.folder.path / "edged.toml"
    path.write_text(config)
    command = (sys.executable, "-m", "edged", "run", "-c", str(path))
    return ProgramSpec(
        name=build.name,
        command=command,
        topic_filter=DAEMON_FILTER,
        has_children=True,
        build=build,
    )


def tutorial_spec(
    workspace: Workspace, model: ModelOnRuntime, source: Path, fps: float
) -> ProgramSpec:
    """Return the tutorial loop.

    Args:
        workspace: what the runs share.
        model: the model.
        source: a .npy file of frames, or a video file.
        fps: frames per second; 0: as fast as possible.
    """
    arguments = [model.module, str(model.path), str(source), str(fps), str(workspace.port)]
    return ProgramSpec(
        name=TUTORIAL,
        command=(sys.executable, "-m", "edged.bench.tutorial", *arguments, TUTORIAL_TOPIC),
        topic_filter=TUTORIAL_TOPIC,
        has_children=False,
    )


@contextmanager
def running(
    workspace: Workspace, spec: ProgramSpec, *, awaits_detections: bool = True
) -> Iterator[LiveProgram]:
    """Start a program, and end it with the context.

    Args:
        workspace: what the runs share.
        spec: the program.
        awaits_detections: whether to wait for its first detections.

    Raises:
        EdgedError: it published no detections in time.
    """
    clock = workspace.clock
    with recording(
        workspace.folder, workspace.port, spec.topic_filter, workspace.cores, clock
    ) as messages:
        began_ns = clock.monotonic_ns()
        process = _start(workspace, spec)
        program = LiveProgram(spec=spec, process=process, messages=messages, start_s=None)
        try:
            if awaits_detections:
                first = messages.wait_for_detections(_START_TIMEOUT_S, process)
                if first is None:
                    raise _silent_error(workspace, program)
                start_s = (first.arrived_ns - began_ns) / NS_PER_S
                program = LiveProgram(
                    spec=spec, process=process, messages=messages, start_s=start_s
                )
            yield program
        finally:
            program.stop()


def _start(workspace: Workspace, spec: ProgramSpec) -> subprocess.Popen[bytes]:
    with (workspace.folder.path / _LOG_NAME).open("wb") as log_file:
        return subprocess.Popen(
            ended_with_parent(spec.command),
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            env=spec.build.environment,
            cwd=spec.build.folder,  # -m looks into the working directory first
            pass_fds=(workspace.folder.guard_fd,),
        )


def _silent_error(workspace: Workspace, program: LiveProgram) -> EdgedError:
    code = program.process.poll()
    program.stop()
    log = (workspace.folder.path / _LOG_NAME).read_text(errors="replace").strip()[-_LOG_TAIL:]
    state = "is running" if code is None else f"has ended with {code}"
    return EdgedError(
        f"{program.spec.name} published no detections in {_START_TIMEOUT_S:g} s, and {state}; its log:\n{log or 'empty'}"
    )
