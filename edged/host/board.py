"""What the kernel's own files say of the board, in MiB and degrees. What a board does not have is None, never a guess."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_THROTTLED_GLOB = "sys/devices/platform/soc*/soc*:firmware/get_throttled"
"""With an address in both names on a Raspberry Pi 5."""
_HWMON_DIR = "sys/class/hwmon"
_SUPPLY_SENSOR = "rpi_volt"
_TEMPERATURE_FILE = "sys/class/thermal/thermal_zone0/temp"
_BYTES_PER_MB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottlingFlags:
    """The Raspberry Pi firmware's flags; bit numbers as in `vcgencmd get_throttled`'s documentation."""

    under_voltage: bool
    frequency_capped: bool
    throttled: bool
    soft_temperature_limit: bool
    under_voltage_occurred: bool
    throttled_occurred: bool

    @classmethod
    def from_bits(cls, bits: int) -> "ThrottlingFlags":
        """From the firmware's word."""
        return cls(
            under_voltage=bool(bits & 1 << 0),
            frequency_capped=bool(bits & 1 << 1),
            throttled=bool(bits & 1 << 2),
            soft_temperature_limit=bool(bits & 1 << 3),
            under_voltage_occurred=bool(bits & 1 << 16),
            throttled_occurred=bool(bits & 1 << 18),
        )


class Board:
    """Reads the board's state; `root` is another place in tests."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def read_model(self) -> str:
        """As ``Raspberry Pi 5 Model B Rev 1.0``; the machine type where there is no device tree."""
        return (self._read("proc/device-tree/model") or os.uname().machine).rstrip("\0")

    def read_boot_id(self) -> str:
        """New at each boot of the host: the first eight digits of the kernel's own."""
        return self._read("proc/sys/kernel/random/boot_id").replace("-", "")[:8] or "unknown"

    def read_throttling(self) -> ThrottlingFlags | None:
        """The firmware's flags now."""
        word = self._read(self._throttled_file)
        return ThrottlingFlags.from_bits(int(word, 16)) if word else None

    def is_under_voltage(self, flags: ThrottlingFlags | None) -> bool | None:
        """Whether the supply is too low now: by the firmware's `flags`, or by its alarm where the kernel gives out that alone."""
        if flags is not None:
            return flags.under_voltage
        alarm = self._read(self._alarm_file)
        return alarm == "1" if alarm else None

    # Looked for once: they are read at every tick of the supervisor.
    @cached_property
    def _throttled_file(self) -> str:
        """The file with the firmware's flags; "" where there is none."""
        found = next(self._root.glob(_THROTTLED_GLOB), None)
        return "" if found is None else str(found.relative_to(self._root))

    @cached_property
    def _alarm_file(self) -> str:
        """The file with the alarm of the supply; "" where there is none."""
        for sensor in sorted((self._root / _HWMON_DIR).glob("*")):
            if self._read(f"{_HWMON_DIR}/{sensor.name}/name") == _SUPPLY_SENSOR:
                return f"{_HWMON_DIR}/{sensor.name}/in0_lcrit_alarm"
        return ""

    def read_temperature_c(self) -> float | None:
        """Of the SoC."""
        millidegrees = self._read(_TEMPERATURE_FILE)
        return int(millidegrees) / 1000 if millidegrees else None

    def read_memory_mb(self) -> tuple[float, float] | None:
        """Total, and what new work can still have without swapping."""
        lines = (line.split() for line in self._read("proc/meminfo").splitlines())
        kib = {words[0]: int(words[1]) for words in lines if len(words) > 1}
        try:
            return kib["MemTotal:"] / 1024, kib["MemAvailable:"] / 1024
        except KeyError:
            return None

    def read_rss_mb(self, pid: int) -> float | None:
        """Resident memory of a process; None if it is gone."""
        pages = self._read(f"proc/{pid}/statm").split()
        return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") / _BYTES_PER_MB if pages else None

    def list_children(self, pid: int) -> tuple[int, ...]:
        """The processes that its threads have started."""
        threads = (self._root / f"proc/{pid}/task").glob("*")
        texts = [self._read(f"proc/{pid}/task/{thread.name}/children") for thread in threads]
        return tuple(sorted(int(child) for text in texts for child in text.split()))

    def read_written_mb(self, pid: int) -> float | None:
        """What a process, its children and theirs have had written to disks; those that have ended and were waited for count with their parent.

        None if this kernel does not count, or the process is gone.
        """
        lines = (line.split(": ") for line in self._read(f"proc/{pid}/io").splitlines())
        counts = {words[0]: words[1] for words in lines if len(words) > 1}
        if "write_bytes" not in counts:
            return None
        below = (self.read_written_mb(child) or 0.0 for child in self.list_children(pid))
        return int(counts["write_bytes"]) / _BYTES_PER_MB + sum(below)

    def read_disk_mb(self, path: Path) -> tuple[float, float] | None:
        """Total, and what is left for us, of the file system of `path`."""
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
