"""Makes the runs: the bare interpreter, and the whole daemon with a real broker and a subscriber."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edged.bench.bare import FIRST
from edged.bench.results import BareRun, PacedRun, SaturatedRun
from edged.clock import NS_PER_S, Clock, Deadline
from edged.demo.subscriber import Subscriber
from edged.errors import EdgedError
from edged.host.board import Board
from edged.messaging.contract.messages import FrameDetections

_DEVICE = "bench"
_START_LIMIT_S = 20.0
_POLL_S = 0.5
_WARM_UP_S = 0.5
_END_LIMIT_S = 10.0
_CONFIG = """\
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
detections_max_hz = 1000

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
class Bench:
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

    def bare(self) -> BareRun:
        """Run the interpreter alone."""
        began_ns = self.clock.monotonic_ns()
        arguments = [self.module, str(self.model), str(self.seconds)]
        with subprocess.Popen(
            [sys.executable, "-m", "edged.bench.bare", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as child:
            if child.stdout is None or child.stdout.readline().strip() != FIRST:
                raise EdgedError(f"the bare interpreter does not run {self.model}")
            start_s = (self.clock.monotonic_ns() - began_ns) / NS_PER_S
            measured = json.loads(child.stdout.readline())
        return BareRun(start_s=start_s, **measured)

    def saturated(self) -> SaturatedRun:
        """Run the daemon with frames that are always there."""
        with self._daemon(fps=15.0, speed="max") as (daemon, subscriber, start_s):
            _listen(subscriber, self.clock, _WARM_UP_S)
            pids = _processes(daemon.pid)
            cpu_before = {name: _cpu_s(pid) for name, pid in pids.items()}
            heard = _listen(subscriber, self.clock, self.seconds)
            cpu_after = {name: _cpu_s(pid) for name, pid in pids.items()}
            board = Board()
            rss = {name: board.rss_mb(pid) or 0.0 for name, pid in pids.items()}
        first, last = heard[0].message, heard[-1].message
        return SaturatedRun(
            frames=last.frame - first.frame,
            wall_s=(last.received_ns - first.received_ns) / NS_PER_S,
            cpu_s={name: cpu_after[name] - cpu_before[name] for name in pids},
            rss_mb=rss,
            start_s=start_s,
        )

    def paced(self, fps: float) -> PacedRun:
        """Run the daemon with a camera of `fps` frames a second."""
        with self._daemon(fps=fps, speed="real") as (_, subscriber, _start_s):
            _listen(subscriber, self.clock, _WARM_UP_S)
            heard = _listen(subscriber, self.clock, self.seconds)
        return PacedRun(
            latency_s=tuple((h.arrived_ns - h.message.received_ns) / NS_PER_S for h in heard)
        )

    def _first(self, subscriber: Subscriber, daemon: subprocess.Popen[bytes]) -> "_Heard | None":
        deadline = Deadline(self.clock, _START_LIMIT_S)
        while daemon.poll() is None and not deadline.expired:
            heard = _next(subscriber, Deadline(self.clock, _POLL_S))
            if heard is not None:
                return heard
        return None

    @contextmanager
    def _daemon(
        self, *, fps: float, speed: str
    ) -> Iterator[tuple[subprocess.Popen[bytes], Subscriber, float]]:
        config = self.folder / "edged.toml"
        config.write_text(
            _CONFIG.format(
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
            first = self._first(subscriber, daemon)
            if first is None:
                raise EdgedError(
                    f"the daemon with {self.model} found nothing in {_START_LIMIT_S:g} s; it said:\n{log.read_text()}"
                )
            yield daemon, subscriber, (first.arrived_ns - began_ns) / NS_PER_S
        finally:
            daemon.terminate()
            daemon.wait(_END_LIMIT_S)
            subscriber.close()


@dataclass(frozen=True, slots=True)
class _Heard:
    message: FrameDetections
    arrived_ns: int


def _next(subscriber: Subscriber, deadline: Deadline) -> _Heard | None:
    while not deadline.expired:
        received = subscriber.next(deadline.remaining_s)
        if received and isinstance(received.message, FrameDetections):
            return _Heard(received.message, received.arrived_ns)
    return None


def _listen(subscriber: Subscriber, clock: Clock, seconds: float) -> list[_Heard]:
    deadline = Deadline(clock, seconds)
    heard = []
    while (one := _next(subscriber, deadline)) is not None:
        heard.append(one)
    if not heard:
        raise EdgedError(f"no detections for {seconds:g} s")
    return heard


def _processes(daemon: int) -> dict[str, int]:
    children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split()
    return {"supervisor": daemon} | {f"vision.{i}": int(pid) for i, pid in enumerate(children)}


def _cpu_s(pid: int) -> float:
    """CPU time of all threads of a process, from the scheduler's own account in nanoseconds."""
    spent_ns = sum(
        int(stat.read_text().split()[0]) for stat in Path(f"/proc/{pid}/task").glob("*/schedstat")
    )
    return spent_ns / NS_PER_S
