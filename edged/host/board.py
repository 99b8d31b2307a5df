"""Readings from the kernel's own files, in MiB and degrees Celsius; None for what this board does not provide."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_THROTTLED_GLOB = "sys/devices/platform/soc*/soc*:firmware/get_throttled"
"""On a Raspberry Pi 5 both folder names contain an address."""
_HWMON_DIR = "sys/class/hwmon"
_SUPPLY_SENSOR = "rpi_volt"
_TEMPERATURE_FILE = "sys/class/thermal/thermal_zone0/temp"
_BYTES_PER_MB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottlingFlags:
    """Flags of the Raspberry Pi firmware; bit numbers as documented for `vcgencmd get_throttled`.

    Attributes:
        under_voltage: the supply voltage is too low now.
        frequency_capped: the clock rate is capped now.
        throttled: the processor is throttled now.
        soft_temperature_limit: the soft temperature limit is active now.
        under_voltage_occurred: the supply voltage has been too low since boot.
        throttled_occurred: the processor has been throttled since boot.
    """

    under_voltage: bool
    frequency_capped: bool
    throttled: bool
    soft_temperature_limit: bool
    under_voltage_occurred: bool
    throttled_occurred: bool

    @classmethod
    def from_bits(cls, bits: int) -> "ThrottlingFlags":
        """Decode the firmware's bit field."""
        return cls(
            under_voltage=bool(bits & 1 << 0),
            frequency_capped=bool(bits & 1 << 1),
            throttled=bool(bits & 1 << 2),
            soft_temperature_limit=bool(bits & 1 << 3),
            under_voltage_occurred=bool(bits & 1 << 16),
            throttled_occurred=bool(bits & 1 << 18),
        )


class Board:
    """The host's hardware, read through files below `root`, which tests replace."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def read_model(self) -> str:
        """Return the board's name, as ``Raspberry Pi 5 Model B Rev 1.0``; the machine type if there is no device tree."""
        return self._model

    def read_boot_id(self) -> str:
        """Return an id that changes with each boot of the host: the first eight digits of the kernel's."""
        return self._read("proc/sys/kernel/random/boot_id").replace("-", "")[:8] or "unknown"

    def read_throttling(self) -> ThrottlingFlags | None:
        """Return the firmware's flags; None if the board has no such firmware."""
        text = self._read(self._throttled_file) if self._throttled_file else ""
        return ThrottlingFlags.from_bits(int(text, 16)) if text else None

    def is_under_voltage(self, flags: ThrottlingFlags | None) -> bool | None:
        """Return whether the supply voltage is too low now; None if unknown.

        It comes from the firmware's `flags`, or from the supply's alarm if the kernel provides only that.
        """
        if flags is not None:
            return flags.under_voltage
        alarm = self._read(self._alarm_file) if self._alarm_file else ""
        return alarm == "1" if alarm else None

    # What follows is found only once, because it is asked for at every tick of the supervisor.
    @cached_property
    def _model(self) -> str:
        return (self._read("proc/device-tree/model") or os.uname().machine).rstrip("\0")

    @cached_property
    def _throttled_file(self) -> str | None:
        """The file with the firmware's flags; None if the board has none."""
        path = next(self._root.glob(_THROTTLED_GLOB), None)
        return None if path is None else str(path.relative_to(self._root))

    @cached_property
    def _alarm_file(self) -> str | None:
        """The file with the supply's alarm; None if the board has none."""
        for sensor in sorted((self._root / _HWMON_DIR).glob("*")):
            if self._read(f"{_HWMON_DIR}/{sensor.name}/name") == _SUPPLY_SENSOR:
                return f"{_HWMON_DIR}/{sensor.name}/in0_lcrit_alarm"
        return None

    def read_temperature_c(self) -> float | None:
        """Return the temperature of the SoC in degrees Celsius."""
        millidegrees = self._read(_TEMPERATURE_FILE)
        return int(millidegrees) / 1000 if millidegrees else None

    def read_memory_mb(self) -> tuple[float, float] | None:
        """Return the total memory, and the memory available to new work without swapping, in MiB."""
        lines = (line.split() for line in self._read("proc/meminfo").splitlines())
        kib = {words[0]: int(words[1]) for words in lines if len(words) > 1}
        try:
            return kib["MemTotal:"] / 1024, kib["MemAvailable:"] / 1024
        except KeyError:
            return None

    def read_rss_mb(self, pid: int) -> float | None:
        """Return the resident memory of a process in MiB; None if the process has exited."""
        pages = self._read(f"proc/{pid}/statm").split()
        return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") / _BYTES_PER_MB if pages else None

    def list_children(self, pid: int) -> tuple[int, ...]:
        """Return the ids of the processes that the threads of a process have started."""
        threads = (self._root / f"proc/{pid}/task").glob("*")
        texts = [self._read(f"proc/{pid}/task/{thread.name}/children") for thread in threads]
        return tuple(sorted(int(child) for text in texts for child in text.split()))

    def read_written_mb(self, pid: int) -> float | None:
        """Return the MiB that a process and its descendants have written to disks.

        Descendants that have exited and were waited for count with their parent. None if this kernel does not count, or if the
        process has exited.
        """
        lines = (line.split(": ") for line in self._read(f"proc/{pid}/io").splitlines())
        counts = {words[0]: words[1] for words in lines if len(words) > 1}
        if "write_bytes" not in counts:
            return None
        by_children = (self.read_written_mb(child) or 0.0 for child in self.list_children(pid))
        return int(counts["write_bytes"]) / _BYTES_PER_MB + sum(by_children)

    def read_disk_mb(self, path: Path) -> tuple[float, float] | None:
        """Return the size of the file system of `path`, and the space that this user can still write, in MiB."""
        try:
            fs = os.statvfs(path)
        except OSError:
            return None
        block_mb = fs.f_frsize / _BYTES_PER_MB
        return fs.f_blocks * block_mb, fs.f_bavail * block_mb

    def _read(self, name: str) -> str:
        try:
            return (self._root / name).read_text(errors="replace").strip()
        except OSError:
            return ""
