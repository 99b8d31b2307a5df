"""Check of the systemd service: whether systemd runs the daemon, and starts it again."""

from collections.abc import Iterator

from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.checks.systemd_unit import UnitState, query_unit

_PART = "service"


def check_service() -> Iterator[Finding]:
    """Query systemd for the state of the unit."""
    yield assess_service(query_unit())


def assess_service(state: UnitState | None) -> Finding:
    """Assess the state of the unit; None: systemd does not answer or does not know the unit."""
    if state is None:
        advice = "install the Debian package, or the units in deploy/systemd"
        return warn(_PART, "systemd has no edged.service", advice)
    message = f"{state.active_state}, {state.unit_file_state or 'not enabled'}"
    if state.restarts:
        message += f", restarted {state.restarts} times by systemd"
    if state.active_state == "failed" or (state.active_state == "activating" and state.restarts):
        return fail(_PART, message, "read the log: journalctl -u edged -e")
    if state.active_state == "inactive":
        return fail(_PART, message, "systemctl start edged")
    if doubt_advice := _advice(state):
        return warn(_PART, message, doubt_advice)
    return ok(_PART, message)


def _advice(state: UnitState) -> str | None:
    """Return what to do about the most important doubt, or None."""
    doubts = {
        "wait until it has started or stopped, and check again": state.active_state != "active",
        "its unit files were changed: systemctl daemon-reload": state.needs_daemon_reload,
        "systemd does not notice if it hangs: set WatchdogSec= in the unit": not state.has_watchdog,
        "it does not start at boot: systemctl enable edged": not state.unit_file_state.startswith(
            "enabled"
        ),
        "read why it was restarted: journalctl -u edged": state.restarts > 0,
    }
    return next((advice for advice, applies in doubts.items() if applies), None)
