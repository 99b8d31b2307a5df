"""What systemd says of the service, asked through `systemctl show`."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

UNIT = "edged.service"
_LIMIT_S = 5.0
_EXITED = "1"
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
_SYSTEMD_S_OWN = range(200, 246)
"""Exit statuses of a process in which systemd could not execute the command: see systemd.exec(5)."""
OWN_FAILURES = 3
"""So often a service must have been restarted by systemd to have failed by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """How a unit is.

    Attributes:
        active: as `systemctl is-active` says it: ``active``, ``activating``, ``failed``, ...
        enabled: as `systemctl is-enabled` says it.
        stale: its files were changed, and systemd has not read them since.
        status: what it says of itself; "" if nothing.
        restarts: by systemd, since somebody last started it.
        exit_status: with which its main process ended last; None if it has not, or by a signal.
        watchdog: whether systemd watches it; "infinity" and 0 are "no".
    """

    active: str
    enabled: str
    stale: bool
    status: str
    restarts: int
    exit_status: int | None
    watchdog: bool


def ask(unit: str = UNIT) -> ServiceState | None:
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
            timeout=_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (line.partition("=") for line in answer.stdout.splitlines())
    return read({key: value for key, _, value in lines})


def read(properties: Mapping[str, str]) -> ServiceState | None:
    """What the properties say."""
    if properties.get("LoadState") != "loaded":
        return None
    restarts = properties.get("NRestarts", "")
    status = properties.get("ExecMainStatus", "")
    exited = properties.get("ExecMainCode") == _EXITED and status.isdigit()
    return ServiceState(
        active=properties.get("ActiveState", ""),
        enabled=properties.get("UnitFileState", ""),
        stale=properties.get("NeedDaemonReload") == "yes",
        status=properties.get("StatusText", ""),
        restarts=int(restarts) if restarts.isdigit() else 0,
        exit_status=int(status) if exited else None,
        watchdog=properties.get("WatchdogUSec", "0") not in {"0", "infinity", ""},
    )


def failed_by_itself(state: ServiceState | None) -> bool:
    """Whether it was the daemon that failed time and again, rather than somebody who restarted it too often, or cameras that end.

    Who is asked because it failed, and cannot be told more, takes it for so.
    """
    return state is None or (state.restarts >= OWN_FAILURES and state.exit_status != 0)


def never_ran(state: ServiceState | None) -> bool:
    """Whether systemd could not even execute it: a file, user or credential is missing, and no model is to blame."""
    return state is not None and state.exit_status in _SYSTEMD_S_OWN
