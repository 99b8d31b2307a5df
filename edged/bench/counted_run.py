"""A run of the daemon whose frames are counted by itself, so that it need not publish any detections."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from edged.bench.camera_rates import CameraRates, compute_rates
from edged.bench.daemon_config import daemon_config, health_table
from edged.bench.live_program import daemon_spec, running
from edged.bench.measure_run import WARM_UP_S
from edged.bench.processes import read_cpu_s, read_memory
from edged.bench.recording import Recording, find_stages, select_frames, select_health
from edged.bench.run_values import MemoryUse
from edged.bench.workspace import ModelOnRuntime, Workspace
from edged.clock import NS_PER_S, Deadline
from edged.errors import EdgedError

_HEALTH_INTERVAL_S = 1.0
MIN_SECONDS = 3.0
"""Health reports come once a second; a shorter time has too few."""
_START_TIMEOUT_S = 30.0
_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedRun:
    """A run of the daemon with any number of cameras.

    Attributes:
        cpu_share: CPU time / wall time, by process; 1.0 is one core.
        memory: memory at the end, by process.
        cameras: the rates, by camera.
        stage_s: median time of each stage of one camera, in seconds.
        objects: mean number of detections in a message.
    """

    cpu_share: dict[str, float]
    memory: dict[str, MemoryUse]
    cameras: dict[str, CameraRates]
    stage_s: dict[str, float] = field(default_factory=dict)
    objects: float = 0.0

    @property
    def inferred_fps(self) -> float:
        """Frames on which the model ran, per second, of all cameras together."""
        return sum(rates.inferred_fps for rates in self.cameras.values())

    @property
    def cpu_ms(self) -> float:
        """CPU time of all processes for one second, in ms."""
        return sum(self.cpu_share.values()) * 1000


def measure_counted(
    workspace: Workspace,
    model: ModelOnRuntime,
    tables: Sequence[str],
    *,
    is_gated: bool = False,
) -> CountedRun:
    """Run the daemon, and measure it once every camera delivers frames.

    Args:
        workspace: what the runs share.
        model: the model.
        tables: the tables of the cameras.
        is_gated: True if the model is to run only while something changes.

    Raises:
        EdgedError: the cameras deliver no frames, or the daemon ends.
    """
    config = daemon_config(
        folder=workspace.folder.path,
        port=workspace.port,
        model=model.path,
        runtime=model.runtime,
        tables=[*tables, health_table(_HEALTH_INTERVAL_S)],
    )
    spec = daemon_spec(workspace, config, is_gated=is_gated)
    with running(workspace, spec, awaits_detections=False) as program:
        _wait_for_cameras(workspace, program.messages, len(tables))
        workspace.clock.sleep(WARM_UP_S)
        began_ns, cpu_before = workspace.clock.monotonic_ns(), read_cpu_s(program.list_processes())
        workspace.clock.sleep(max(workspace.seconds, MIN_SECONDS))
        cpu_after = read_cpu_s(program.list_processes())
        ended_ns = workspace.clock.monotonic_ns()
        memory = read_memory(program.list_processes())
        arrivals = program.messages.read()
    reports = select_health(arrivals)
    counts = [len(one.detections) for one in select_frames(arrivals)]
    wall_s = (ended_ns - began_ns) / NS_PER_S
    return CountedRun(
        cpu_share={n: (cpu_after[n] - cpu_before.get(n, 0.0)) / wall_s for n in cpu_after},
        memory=memory,
        cameras=compute_rates(reports, began_ns, ended_ns),
        stage_s=find_stages(reports),
        objects=sum(counts) / len(counts) if counts else 0.0,
    )


def _wait_for_cameras(workspace: Workspace, messages: Recording, count: int) -> None:
    deadline = Deadline(workspace.clock, _START_TIMEOUT_S)
    while not deadline.expired:
        reports = select_health(messages.read())
        cameras = reports[-1].cameras.values() if reports else ()
        if sum(camera.frames > 0 for camera in cameras) >= count:
            return
        workspace.clock.sleep(_POLL_S)
    raise EdgedError(f"the daemon's cameras delivered no frames in {_START_TIMEOUT_S:g} s")
