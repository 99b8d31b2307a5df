"""Readings of the device that can speak against an update: throttling, temperature, free disk, battery."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_THROTTLED = "sys/devices/platform/soc*/soc*:firmware/get_throttled"
"""On a Raspberry Pi 5 both names have an address."""
_SENSORS = "sys/class/hwmon"
_TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"
_SUPPLIES = "sys/class/power_supply"
_BOARD_MODEL = "proc/device-tree/model"
_CURRENT_FLAGS = {
    0: "under-voltage",
    1: "frequency capped",
    2: "throttled",
    3: "soft temperature limit",
}
"""Bits in the throttling flags of the Raspberry Pi firmware, as documented for `vcgencmd get_throttled`."""


class HostSensors:
    """Reads the files of the Linux kernel; a reading that the board does not have is None."""

    def __init__(self, root: str = "/") -> None:
        """Remember where ``/sys`` and ``/proc`` are; tests pass another folder."""
        self._root = Path(root)

    def read_all(self, state_dir: str) -> dict[str, Any]:
        """Return all readings; the free disk space is that of the file system with `state_dir`."""
        millidegrees = _read_integer(self._root / _TEMPERATURE)
        return {
            "throttling": self._throttling(),
            "temperature_c": None if millidegrees is None else millidegrees / 1000,
            "disk_free_mb": _disk_free_mb(Path(state_dir)),
            "battery_percent": self._battery_percent(),
            "model": _read_text(self._root / _BOARD_MODEL).rstrip("\0") or os.uname().machine,
        }

    def _throttling(self) -> list[str] | None:
        flags = [_read_text(path) for path in self._root.glob(_THROTTLED)]
        if any(flags):
            return [name for bit, name in _CURRENT_FLAGS.items() if int(flags[0], 16) & 1 << bit]
        # Where the kernel does not show the flags, the voltage sensor has an alarm at least.
        for name in self._root.glob(f"{_SENSORS}/*/name"):
            if _read_text(name) == "rpi_volt":
                alarm = _read_integer(name.parent / "in0_lcrit_alarm")
                return None if alarm is None else [_CURRENT_FLAGS[0]] * alarm
        return None

    def _battery_percent(self) -> int | None:
        """Return the charge of the emptiest battery that is being discharged, or None."""
        try:
            supplies = sorted((self._root / _SUPPLIES).iterdir())
        except OSError:
            return None
        charges = [
            _read_integer(supply / "capacity")
            for supply in supplies
            if _read_text(supply / "type") == "Battery"
            and _read_text(supply / "status") == "Discharging"
        ]
        return min((percent for percent in charges if percent is not None), default=None)


def _disk_free_mb(folder: Path) -> int:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize // 1_000_000


def _read_integer(path: Path) -> int | None:
    text = _read_text(path)
    return int(text) if text.lstrip("-").isdigit() else None


def _read_text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
