"""What all runs of one benchmark share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edged.bench.cores import CoreSplit, move_to, pinned_cores
from edged.bench.energy import EnergyMeter, open_meter
from edged.clock import Clock
from edged.demo.broker import LoopbackBroker, fastest_broker_command
from edged.demo.run_folder import RunFolder, run_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A broker, a folder, cores and instruments.

    Attributes:
        folder: the folder of all files.
        port: the broker's TCP port, on loopback.
        cores: the cores of the measured programs, and of the others.
        meter: the energy meter.
        clock: the clock of all measurements.
        seconds: duration of each measurement, in seconds.
    """

    folder: RunFolder
    port: int
    cores: CoreSplit
    meter: EnergyMeter
    clock: Clock
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOnRuntime:
    """A model, and the runtime that runs it.

    Attributes:
        path: the model file.
        runtime: name of the runtime, as in ``model.runtime``.
        module: Python module of the runtime's ``Interpreter``.
    """

    path: Path
    runtime: str
    module: str


@contextmanager
def open_workspace(clock: Clock, seconds: float) -> Iterator[Workspace]:
    """Yield a workspace with a running broker; nothing of it remains.

    Raises:
        EdgedError: the broker does not start.
    """
    with (
        run_folder("edged-bench-") as folder,
        pinned_cores() as cores,
        LoopbackBroker(
            clock, partial(fastest_broker_command, folder.path), guard_fd=folder.guard_fd
        ) as broker,
    ):
        move_to(broker.pid, cores.others)
        yield Workspace(
            folder=folder,
            port=broker.port,
            cores=cores,
            meter=open_meter(clock),
            clock=clock,
            seconds=seconds,
        )
