"""The machine that costs are measured on."""

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
        processor: the processor's name, from the kernel.
        cores: number of cores that this process may use.
        system: kernel and architecture.
        python: version of Python.
        runtimes: versions of the installed runtimes, by their names in `edged.registry.INTERPRETERS`.
    """

    processor: str
    cores: int
    system: str
    python: str
    runtimes: dict[str, str]

    def describe(self) -> str:
        """Return one line of text about the machine."""
        runtimes = ", ".join(f"{name} {release}" for name, release in self.runtimes.items())
        cores = f"{self.cores} core{'s' if self.cores != 1 else ''}"
        return f"{self.processor}, {cores}, {self.system}, Python {self.python}, {runtimes}"


def describe_machine() -> Machine:
    """Describe the machine that this process runs on."""
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
    """Return the processor's name on x86, and the board's name on Arm, where the kernel has no processor name."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else Board().read_model()
