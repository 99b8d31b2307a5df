"""What speaks against an update now: heat, a weak supply, a full disk, a low battery. What a board does not have is None."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_THROTTLED = "sys/devices/platform/soc*/soc*:firmware/get_throttled"
"""With an address in both names on a Raspberry Pi 5."""
_SENSORS = "sys/class/hwmon"
_TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"
_SUPPLIES = "sys/class/power_supply"
_NOW = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit"}
"""Bits of the Raspberry Pi firmware's word, as in `vcgencmd get_throttled`'s documentation."""


class Board:
    """Reads the kernel's own files; `root` is another place in tests."""

    def __init__(self, root: str = "/") -> None:
        self._root = Path(root)

    def report(self, state_dir: str) -> dict[str, Any]:
        """All of it, as a dict."""
        millidegrees = self._number(self._root / _TEMPERATURE)
        return {
            "throttling": self._throttling(),
            "temperature_c": None if millidegrees is None else millidegrees / 1000,
            "disk_free_mb": self._disk_free_mb(state_dir),
            "battery_percent": self._battery_percent(),
            "model": self._read(self._root / "proc/device-tree/model").rstrip("\0")
            or os.uname().machine,
        }

    def _throttling(self) -> list[str] | None:
        words = [self._read(path) for path in self._root.glob(_THROTTLED)]
        if any(words):
            return [name for bit, name in _NOW.items() if int(words[0], 16) & 1 << bit]
        for name in self._root.glob(f"{_SENSORS}/*/name"):
            if self._read(name) == "rpi_volt":
                alarm = self._number(name.parent / "in0_lcrit_alarm")
                return None if alarm is None else [_NOW[0]] * alarm
        return None

    def _battery_percent(self) -> int | None:
        """Of a battery that is being emptied; None where there is none, or it is being charged."""
        try:
            supplies = sorted((self._root / _SUPPLIES).iterdir())
        except OSError:
            return None
        left = [
            self._number(supply / "capacity")
            for supply in supplies
            if self._read(supply / "type") == "Battery"
            and self._read(supply / "status") == "Discharging"
        ]
        return min((percent for percent in left if percent is not None), default=None)

    def _disk_free_mb(self, state_dir: str) -> int:
        folder = Path(state_dir)
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        space = os.statvfs(folder)
        return space.f_bavail * space.f_frsize // 1_000_000

    def _number(self, path: Path) -> int | None:
        text = self._read(path)
        return int(text) if text.lstrip("-").isdigit() else None

    @staticmethod
    def _read(path: Path) -> str:
        try:
            return path.read_text(errors="replace").strip()
        except OSError:
            return ""
