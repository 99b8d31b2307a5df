"""What figures were measured on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from msgspec import Struct

from edged.host.board import Board

_PACKAGES = {"litert": "ai-edge-litert", "tflite": "tflite-runtime"}


class Machine(Struct, frozen=True, kw_only=True):
    """A computer and its runtimes.

    Attributes:
        processor: as the kernel calls it.
        cores: as many as this process may use.
        system: kernel and architecture.
        python: version.
        runtimes: version of each, by the name that `edged.registry.INTERPRETERS` knows it by.
    """

    processor: str
    cores: int
    system: str
    python: str
    runtimes: dict[str, str]

    def describe(self) -> str:
        """For beneath a table."""
        runtimes = ", ".join(f"{name} {number}" for name, number in self.runtimes.items())
        cores = f"{self.cores} core{'s' if self.cores != 1 else ''}"
        return f"{self.processor}, {cores}, {self.system}, Python {self.python}, {runtimes}"


def describe_machine() -> Machine:
    """Where this runs; only the runtimes that are installed are named."""
    runtimes = {}
    for name, package in _PACKAGES.items():
        try:
            runtimes[name] = version(package)
        except PackageNotFoundError:
            continue
    return Machine(
        processor=_processor_name(),
        cores=len(os.sched_getaffinity(0)),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        runtimes=runtimes,
    )


def _processor_name() -> str:
    """x86 kernels name the processor, Arm's the board."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else Board().read_model()
