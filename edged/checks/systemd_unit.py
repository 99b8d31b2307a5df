"""The state of the systemd service, from `systemctl show`."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_UNIT = "edged.service"
_TIMEOUT_S = 5.0
_CLD_EXITED = "1"
"""Value of ExecMainCode for a process that exited by itself: CLD_EXITED of waitid(2)."""
_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "NRestarts",
    "ExecMainCode",
    "ExecMainStatus",
    "WatchdogUSec",
)
_EXEC_FAILURE_STATUSES = range(200, 246)
"""Exit statuses that systemd sets if it could not execute the command: systemd.exec(5)."""
MIN_CRASH_LOOP_RESTARTS = 3
"""Restarts by systemd from which on a service counts as crash-looping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitState:
    """The state of a unit.

    Attributes:
        active_state: output of `systemctl is-active`: ``active``, ``activating``, ``failed``, ...
        unit_file_state: output of `systemctl is-enabled`; "" if systemd has none.
        needs_daemon_reload: whether its files were changed since systemd read them.
        restarts: restarts by systemd since the unit was last started by hand or at boot.
        exit_status: exit status of its last main process; None if it still runs, or ended by a signal.
        has_watchdog: whether the unit has WatchdogSec=.
    """

    active_state: str
    unit_file_state: str
    needs_daemon_reload: bool
    restarts: int
    exit_status: int | None
    has_watchdog: bool


def query_unit(unit: str = DEFAULT_UNIT) -> UnitState | None:
    """Query systemd for the state of a unit; None if systemd does not answer or does not know the unit."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return None
    try:
        shown = subprocess.run(
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
    lines = (line.partition("=") for line in shown.stdout.splitlines())
    return parse_properties({key: value for key, _, value in lines})


def parse_properties(properties: Mapping[str, str]) -> UnitState | None:
    """Parse the properties of `systemctl show`; None if the unit is not loaded."""
    if properties.get("LoadState") != "loaded":
        return None
    restarts = properties.get("NRestarts", "")
    status = properties.get("ExecMainStatus", "")
    exited = properties.get("ExecMainCode") == _CLD_EXITED and status.isdigit()
    return UnitState(
        active_state=properties.get("ActiveState", ""),
        unit_file_state=properties.get("UnitFileState", ""),
        needs_daemon_reload=properties.get("NeedDaemonReload") == "yes",
        restarts=int(restarts) if restarts.isdigit() else 0,
        exit_status=int(status) if exited else None,
        has_watchdog=properties.get("WatchdogUSec", "0") not in {"0", "infinity", ""},
    )


def is_crash_looping(state: UnitState | None) -> bool:
    """Return whether the daemon failed repeatedly by itself.

    It did not if it was restarted too often by hand, or ended because its cameras ended. An unknown state counts as a failure: the
    caller runs because of one.
    """
    return state is None or (state.restarts >= MIN_CRASH_LOOP_RESTARTS and state.exit_status != 0)


def has_exec_failure(state: UnitState | None) -> bool:
    """Return whether systemd could not execute the daemon: a file, user or credential is missing, so the model is not the cause."""
    return state is not None and state.exit_status in _EXEC_FAILURE_STATUSES
