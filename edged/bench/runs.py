"""Runs of the benchmark: the bare interpreter, and the whole daemon with a real broker and a subscriber."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from edged.bench.bare import FIRST_RESULT_LINE
from edged.bench.results import BareRun, PacedRun, SaturatedRun
from edged.clock import NS_PER_S, Clock, Deadline
from edged.demo.run_folder import RunFolder, ended_with_parent
from edged.demo.subscriber import Subscriber
from edged.errors import EdgedError
from edged.host.board import Board
from edged.messaging.contract.messages import FrameDetections

_DEVICE = "bench"
_LOG_NAME = "edged.log"
_START_TIMEOUT_S = 20.0
_POLL_S = 0.5
_WARM_UP_S = 0.5
_STOP_TIMEOUT_S = 10.0
_CONFIG_TEMPLATE = """\
[device]
name = "{device}"
state_dir = "{folder}/state"

[mqtt]
host = "{host}"
port = {port}
protocol = "3.1.1"

[model]
path = "{model}"
runtime = "{runtime}"

[detect]
threshold = 0.3

[events]
max_detections_hz = 1000

[camera.bench]
source = "synthetic"
width = {width}
height = {height}
fps = {fps}
speed = "{speed}"
cycle = 8
every_s = 0.5
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """The settings of all runs of one benchmark.

    Attributes:
        model: path of the .tflite file.
        runtime: name of the runtime, as in ``model.runtime``.
        module: Python module of the runtime's ``Interpreter``.
        width: frame width, in pixels.
        height: frame height, in pixels.
        seconds: duration of each run, in seconds.
        host: address of the broker.
        port: TCP port of the broker.
        folder: an empty folder for the daemon's files.
        clock: the clock of all measurements outside the daemon.
    """

    model: Path
    runtime: str
    module: str
    width: int
    height: int
    seconds: float
    host: str
    port: int
    folder: RunFolder
    clock: Clock

    def run_bare(self) -> BareRun:
        """Run the interpreter alone.

        Raises:
            EdgedError: the interpreter cannot run the model.
        """
        began_ns = self.clock.monotonic_ns()
        arguments = [self.module, str(self.model), str(self.seconds)]
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
                    f"the bare interpreter cannot run {self.model}: {_read_reason(errors)}"
                )
            startup_s = (self.clock.monotonic_ns() - began_ns) / NS_PER_S
            measured = json.loads(child.stdout.readline())
        return BareRun(startup_s=startup_s, **measured)

    def run_saturated(self) -> SaturatedRun:
        """Run the daemon with a camera that always has a frame ready.

        Raises:
            EdgedError: the daemon does not start, or publishes no detections.
        """
        with self._run_daemon(fps=15.0, speed="max") as (daemon, subscriber, startup_s):
            _collect_detections(subscriber, self.clock, _WARM_UP_S)
            pids = _process_ids(daemon.pid)
            cpu_before = {name: _cpu_s(pid) for name, pid in pids.items()}
            received = _collect_detections(subscriber, self.clock, self.seconds)
            cpu_after = {name: _cpu_s(pid) for name, pid in pids.items()}
            board = Board()
            rss = {name: board.read_rss_mb(pid) or 0.0 for name, pid in pids.items()}
        first, last = received[0].message, received[-1].message
        return SaturatedRun(
            frames=last.frame - first.frame,
            wall_s=(last.received_ns - first.received_ns) / NS_PER_S,
            cpu_s={name: cpu_after[name] - cpu_before[name] for name in pids},
            rss_mb=rss,
            startup_s=startup_s,
        )

    def run_paced(self, fps: float) -> PacedRun:
        """Run the daemon with a camera that delivers `fps` frames per second.

        Raises:
            EdgedError: the daemon does not start, or publishes no detections.
        """
        with self._run_daemon(fps=fps, speed="real") as (_, subscriber, _startup_s):
            _collect_detections(subscriber, self.clock, _WARM_UP_S)
            received = _collect_detections(subscriber, self.clock, self.seconds)
        return PacedRun(
            latency_s=tuple(
                (one.arrived_ns - one.message.received_ns) / NS_PER_S for one in received
            )
        )

    @contextmanager
    def _run_daemon(
        self, *, fps: float, speed: str
    ) -> Iterator[tuple[subprocess.Popen[bytes], Subscriber, float]]:
        """Yield a daemon that publishes detections, a subscriber, and the daemon's time to the first detections, in seconds."""
        with Subscriber(host=self.host, port=self.port, device=_DEVICE) as subscriber:
            began_ns = self.clock.monotonic_ns()
            daemon = self._start_daemon(self._config_text(fps, speed))
            try:
                first = self._wait_for_first(subscriber, daemon)
                if first is None:
                    log = (self.folder.path / _LOG_NAME).read_text()
                    raise EdgedError(
                        f"the daemon with {self.model} published no detections in {_START_TIMEOUT_S:g} s; its log:\n{log}"
                    )
                yield daemon, subscriber, (first.arrived_ns - began_ns) / NS_PER_S
            finally:
                daemon.terminate()
                daemon.wait(_STOP_TIMEOUT_S)

    def _start_daemon(self, config: str) -> subprocess.Popen[bytes]:
        path = self.folder.path / "edged.toml"
        path.write_text(config)
        with (self.folder.path / _LOG_NAME).open("wb") as log_file:
            return subprocess.Popen(
                ended_with_parent([sys.executable, "-m", "edged", "run", "-c", str(path)]),
                stdin=subprocess.DEVNULL,
                stderr=log_file,
                pass_fds=(self.folder.guard_fd,),
            )

    def _config_text(self, fps: float, speed: str) -> str:
        return _CONFIG_TEMPLATE.format(
            device=_DEVICE,
            folder=self.folder.path,
            host=self.host,
            port=self.port,
            model=self.model,
            runtime=self.runtime,
            width=self.width,
            height=self.height,
            fps=fps,
            speed=speed,
        )

    def _wait_for_first(
        self, subscriber: Subscriber, daemon: subprocess.Popen[bytes]
    ) -> "_ReceivedDetections | None":
        deadline = Deadline(self.clock, _START_TIMEOUT_S)
        while daemon.poll() is None and not deadline.expired:
            detections = _next_detections(subscriber, Deadline(self.clock, _POLL_S))
            if detections is not None:
                return detections
        return None


@dataclass(frozen=True, slots=True)
class _ReceivedDetections:
    message: FrameDetections
    arrived_ns: int


def _next_detections(subscriber: Subscriber, deadline: Deadline) -> _ReceivedDetections | None:
    while not deadline.expired:
        received = subscriber.receive(deadline.remaining_s)
        if received and isinstance(received.message, FrameDetections):
            return _ReceivedDetections(received.message, received.arrived_ns)
    return None


def _read_reason(errors: IO[bytes]) -> str:
    """Return the last line that a failed process wrote to standard error; of a traceback, that is the error."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote no error")


def _collect_detections(
    subscriber: Subscriber, clock: Clock, seconds: float
) -> list[_ReceivedDetections]:
    deadline = Deadline(clock, seconds)
    collected = []
    while (one := _next_detections(subscriber, deadline)) is not None:
        collected.append(one)
    if not collected:
        raise EdgedError(f"the daemon published no detections for {seconds:g} s")
    return collected


def _process_ids(daemon_pid: int) -> dict[str, int]:
    children = Path(f"/proc/{daemon_pid}/task/{daemon_pid}/children").read_text().split()
    return {"supervisor": daemon_pid} | {f"vision.{i}": int(pid) for i, pid in enumerate(children)}


def _cpu_s(pid: int) -> float:
    """Return the CPU time of all threads of a process, in seconds, from the scheduler's statistics in ns."""
    spent_ns = sum(
        int(stat.read_text().split()[0]) for stat in Path(f"/proc/{pid}/task").glob("*/schedstat")
    )
    return spent_ns / NS_PER_S
