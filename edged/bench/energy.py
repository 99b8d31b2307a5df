"""Energy that the machine takes: from RAPL, or from the power chip of a Raspberry Pi 5. Other machines do not tell."""

import re
import shutil
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from edged.clock import NS_PER_S, Clock

_PACKAGE_GLOB = "class/powercap/intel-rapl:*"
_MICRO = 1e-6
_SAMPLE_S = 0.5
_COMMAND_TIMEOUT_S = 2.0
_READING = re.compile(r"(\w+)_([AV])\s+(?:current|volt)\(\d+\)=([\d.]+)[AV]")


class EnergyMeter(Protocol):
    """Measures the energy that is taken inside its context."""

    def __enter__(self) -> Self:
        """Start."""

    def __exit__(self, *_: object) -> None:
        """Stop."""

    @property
    def energy_j(self) -> float | None:
        """Energy in joules, once it has stopped; None if it could not be read."""


@dataclass(frozen=True, slots=True)
class RaplZone:
    """One processor package.

    Attributes:
        folder: its folder below ``/sys/class/powercap``.
        max_uj: where its counter wraps around, in microjoules.
    """

    folder: Path
    max_uj: int

    def read_uj(self) -> int:
        """Return the counter, in microjoules."""
        return int((self.folder / "energy_uj").read_text())


class RaplMeter:
    """The counters of all processor packages; since Linux 5.10 only root may read them."""

    def __init__(self, zones: tuple[RaplZone, ...]) -> None:
        self._zones = zones
        self._before: list[int] = []
        self._after: list[int] = []

    def __enter__(self) -> Self:
        """Read the counters."""
        self._before, self._after = self._read(), []
        return self

    def __exit__(self, *_: object) -> None:
        """Read the counters again."""
        self._after = self._read()

    @property
    def energy_j(self) -> float | None:
        """Energy in joules; None if a counter could not be read."""
        if len(self._after) != len(self._zones) or len(self._before) != len(self._zones):
            return None
        steps = zip(self._before, self._after, self._zones, strict=True)
        return sum(count_step(before, after, z.max_uj) for before, after, z in steps) * _MICRO

    def _read(self) -> list[int]:
        try:
            return [zone.read_uj() for zone in self._zones]
        except (OSError, ValueError):
            return []


class PmicMeter:
    """Power of a Raspberry Pi 5, sampled twice a second from the voltages and currents that its power chip measures."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watts: list[float] = []
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._began_ns = self._ended_ns = 0

    def __enter__(self) -> Self:
        """Start to sample."""
        self._watts, self._began_ns = [], self._clock.monotonic_ns()
        self._stopped.clear()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop sampling."""
        self._ended_ns = self._clock.monotonic_ns()
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(_COMMAND_TIMEOUT_S)

    @property
    def energy_j(self) -> float | None:
        """Mean power times time, in joules; None without a sample."""
        if not self._watts:
            return None
        mean_w = sum(self._watts) / len(self._watts)
        return mean_w * (self._ended_ns - self._began_ns) / NS_PER_S

    def _sample(self) -> None:
        while True:
            if (watts := parse_pmic(_read_pmic())) is not None:
                self._watts.append(watts)
            if self._stopped.wait(_SAMPLE_S):
                return


class NoMeter:
    """A machine that does not tell."""

    energy_j: float | None = None

    def __enter__(self) -> Self:
        """Do nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""


def open_meter(clock: Clock, system: Path = Path("/sys")) -> EnergyMeter:
    """Return the meter of this machine.

    Args:
        clock: the clock of a meter that samples.
        system: the root of sysfs.
    """
    if zones := _list_zones(system):
        return RaplMeter(zones)
    if parse_pmic(_read_pmic()) is not None:
        return PmicMeter(clock)
    return NoMeter()


def count_step(before: int, after: int, max_value: int) -> int:
    """Return the increase of a counter that begins again at 0 after `max_value`."""
    return after - before if after >= before else after + max_value + 1 - before


def parse_pmic(text: str) -> float | None:
    """Return the sum of voltage times current over all rails in the output of ``vcgencmd pmic_read_adc``, in watts; None if there are none."""
    readings: dict[str, dict[str, float]] = {"A": {}, "V": {}}
    for rail, kind, number in _READING.findall(text):
        readings[kind][rail] = float(number)
    rails = readings["A"].keys() & readings["V"].keys()
    return sum(readings["A"][rail] * readings["V"][rail] for rail in rails) if rails else None


def _list_zones(system: Path) -> tuple[RaplZone, ...]:
    zones = []
    for folder in sorted(system.glob(_PACKAGE_GLOB)):
        if folder.name.count(":") > 1:  # a part of a package
            continue
        with suppress(OSError, ValueError):
            zone = RaplZone(folder, int((folder / "max_energy_range_uj").read_text()))
            zone.read_uj()
            zones.append(zone)
    return tuple(zones)


def _read_pmic() -> str:
    program = shutil.which("vcgencmd")
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, "pmic_read_adc"],
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
