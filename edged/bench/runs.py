"""Makes the runs: the bare interpreter, and the whole daemon with a real broker and a subscriber."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edged.bench.bare import FIRST_RESULT_LINE
from edged.bench.results import BareRun, PacedRun, SaturatedRun
from edged.clock import NS_PER_S, Clock, Deadline
from edged.demo.subscriber import Subscriber
from edged.errors import EdgedError
from edged.host.board import Board
from edged.messaging.contract.messages import FrameDetections

_DEVICE = "bench"
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
    """What all runs share."""

    model: Path
    runtime: str
    module: str
    width: int
    height: int
    seconds: float
    host: str
    port: int
    folder: Path
    clock: Clock

    def run_bare(self) -> BareRun:
        """Run the interpreter alone."""
        began_ns = self.clock.monotonic_ns()
        arguments = [self.module, str(self.model), str(self.seconds)]
        with subprocess.Popen(
            [sys.executable, "-m", "edged.bench.bare", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as child:
            if child.stdout is None or child.stdout.readline().strip() != FIRST_RESULT_LINE:
                raise EdgedError(f"the bare interpreter does not run {self.model}")
            start_s = (self.clock.monotonic_ns() - began_ns) / NS_PER_S
            measured = json.loads(child.stdout.readline())
        return BareRun(startup_s=start_s, **measured)

    def run_saturated(self) -> SaturatedRun:
        """Run the daemon with frames that are always there."""
        with self._run_daemon(fps=15.0, speed="max") as (daemon, subscriber, start_s):
            _collect_detections(subscriber, self.clock, _WARM_UP_S)
            pids = _process_ids(daemon.pid)
            cpu_before = {name: _cpu_s(pid) for name, pid in pids.items()}
            heard = _collect_detections(subscriber, self.clock, self.seconds)
            cpu_after = {name: _cpu_s(pid) for name, pid in pids.items()}
            board = Board()
            rss = {name: board.read_rss_mb(pid) or 0.0 for name, pid in pids.items()}
        first, last = heard[0].message, heard[-1].message
        return SaturatedRun(
            frames=last.frame - first.frame,
            wall_s=(last.received_ns - first.received_ns) / NS_PER_S,
            cpu_s={name: cpu_after[name] - cpu_before[name] for name in pids},
            rss_mb=rss,
            startup_s=start_s,
        )

    def run_paced(self, fps: float) -> PacedRun:
        """Run the daemon with a camera of `fps` frames a second."""
        with self._run_daemon(fps=fps, speed="real") as (_, subscriber, _start_s):
            _collect_detections(subscriber, self.clock, _WARM_UP_S)
            heard = _collect_detections(subscriber, self.clock, self.seconds)
        return PacedRun(
            latency_s=tuple((h.arrived_ns - h.message.received_ns) / NS_PER_S for h in heard)
        )

    def _wait_for_first(
        self, subscriber: Subscriber, daemon: subprocess.Popen[bytes]
    ) -> "_ReceivedDetections | None":
        deadline = Deadline(self.clock, _START_TIMEOUT_S)
        while daemon.poll() is None and not deadline.expired:
            heard = _next_detections(subscriber, Deadline(self.clock, _POLL_S))
            if heard is not None:
                return heard
        return None

    @contextmanager
    def _run_daemon(
        self, *, fps: float, speed: str
    ) -> Iterator[tuple[subprocess.Popen[bytes], Subscriber, float]]:
        config = self.folder / "edged.toml"
        config.write_text(
            _CONFIG_TEMPLATE.format(
                device=_DEVICE,
                folder=self.folder,
                host=self.host,
                port=self.port,
                model=self.model,
                runtime=self.runtime,
                width=self.width,
                height=self.height,
                fps=fps,
                speed=speed,
            )
        )
        subscriber = Subscriber(host=self.host, port=self.port, device=_DEVICE)
        began_ns = self.clock.monotonic_ns()
        log = self.folder / "edged.log"
        with log.open("wb") as said:
            daemon = subprocess.Popen(
                [sys.executable, "-m", "edged", "run", "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stderr=said,
            )
        try:
            first = self._wait_for_first(subscriber, daemon)
            if first is None:
                raise EdgedError(
                    f"the daemon with {self.model} found nothing in {_START_TIMEOUT_S:g} s; it said:\n{log.read_text()}"
                )
            yield daemon, subscriber, (first.arrived_ns - began_ns) / NS_PER_S
        finally:
            daemon.terminate()
            daemon.wait(_STOP_TIMEOUT_S)
            subscriber.close()


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


def _collect_detections(
    subscriber: Subscriber, clock: Clock, seconds: float
) -> list[_ReceivedDetections]:
    deadline = Deadline(clock, seconds)
    heard = []
    while (one := _next_detections(subscriber, deadline)) is not None:
        heard.append(one)
    if not heard:
        raise EdgedError(f"no detections for {seconds:g} s")
    return heard


def _process_ids(daemon_pid: int) -> dict[str, int]:
    children = Path(f"/proc/{daemon_pid}/task/{daemon_pid}/children").read_text().split()
    return {"supervisor": daemon_pid} | {f"vision.{i}": int(pid) for i, pid in enumerate(children)}


def _cpu_s(pid: int) -> float:
    """CPU time of all threads of a process, from the scheduler's own account in nanoseconds."""
    spent_ns = sum(
        int(stat.read_text().split()[0]) for stat in Path(f"/proc/{pid}/task").glob("*/schedstat")
    )
    return spent_ns / NS_PER_S
