"""What systemd says of the service, asked through `systemctl show`."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_UNIT = "edged.service"
_TIMEOUT_S = 5.0
_CLD_EXITED = "1"
"""CLD_EXITED, of waitid(2)."""
_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "StatusText",
    "NRestarts",
    "ExecMainCode",
    "ExecMainStatus",
    "WatchdogUSec",
)
_EXEC_FAILURE_STATUSES = range(200, 246)
"""Exit statuses of a process in which systemd could not execute the command: see systemd.exec(5)."""
MIN_CRASH_LOOP_RESTARTS = 3
"""So often a service must have been restarted by systemd to have failed by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitState:
    """How a unit is.

    Attributes:
        active_state: as `systemctl is-active` says it: ``active``, ``activating``, ``failed``, ...
        unit_file_state: as `systemctl is-enabled` says it.
        needs_daemon_reload: its files were changed, and systemd has not read them since.
        status_text: what it says of itself; "" if nothing.
        restarts: by systemd, since somebody last started it.
        exit_status: with which its main process ended last; None if it has not, or by a signal.
        has_watchdog: whether systemd watches it; "infinity" and 0 are "no".
    """

    active_state: str
    unit_file_state: str
    needs_daemon_reload: bool
    status_text: str
    restarts: int
    exit_status: int | None
    has_watchdog: bool


def query_unit(unit: str = DEFAULT_UNIT) -> UnitState | None:
    """Ask; None where no systemd answers, or it has no such unit."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return None
    try:
        answer = subprocess.run(
            [systemctl, "show", f"--property={','.join(_PROPERTIES)}", "--", unit],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (line.partition("=") for line in answer.stdout.splitlines())
    return parse_properties({key: value for key, _, value in lines})


def parse_properties(properties: Mapping[str, str]) -> UnitState | None:
    """What the properties say."""
    if properties.get("LoadState") != "loaded":
        return None
    restarts = properties.get("NRestarts", "")
    status = properties.get("ExecMainStatus", "")
    exited = properties.get("ExecMainCode") == _CLD_EXITED and status.isdigit()
    return UnitState(
        active_state=properties.get("ActiveState", ""),
        unit_file_state=properties.get("UnitFileState", ""),
        needs_daemon_reload=properties.get("NeedDaemonReload") == "yes",
        status_text=properties.get("StatusText", ""),
        restarts=int(restarts) if restarts.isdigit() else 0,
        exit_status=int(status) if exited else None,
        has_watchdog=properties.get("WatchdogUSec", "0") not in {"0", "infinity", ""},
    )


def is_crash_looping(state: UnitState | None) -> bool:
    """Whether it was the daemon that failed time and again, rather than somebody who restarted it too often, or cameras that end.

    Who is asked because it failed, and cannot be told more, takes it for so.
    """
    return state is None or (state.restarts >= MIN_CRASH_LOOP_RESTARTS and state.exit_status != 0)


def has_exec_failure(state: UnitState | None) -> bool:
    """Whether systemd could not even execute it: a file, user or credential is missing, and no model is to blame."""
    return state is not None and state.exit_status in _EXEC_FAILURE_STATUSES
