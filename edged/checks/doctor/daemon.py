"""Check of a running daemon, by its own reports: it holds the cameras and the model, so no other process can use them."""

from collections.abc import Iterator

from edged.checks.doctor.camera import assess_camera_health, part_name
from edged.checks.doctor.disk_wear import assess_disk_wear
from edged.checks.doctor.finding import Finding, fail, warn
from edged.checks.doctor.model import assess_model_health
from edged.config.settings import Settings
from edged.health import ConditionKind
from edged.messaging.contract.device import DeviceHealth, DeviceInfo, HealthCondition

_HOST_CONDITIONS = frozenset({ConditionKind.UNDER_VOLTAGE, ConditionKind.THROTTLED})
"""Reported by `check_power`."""
_ADVICE = "docs/troubleshooting.md says what to do about each condition"


def assess_daemon(settings: Settings, health: DeviceHealth, info: DeviceInfo) -> Iterator[Finding]:
    """Assess the cameras, the model, the disk wear, and every other condition that the daemon reports.

    Args:
        settings: has the cameras.
        health: ``up/health``.
        info: ``up/info``.
    """
    conditions = {condition.name: condition for condition in health.degradations}
    for name, camera in settings.camera.items():
        # The condition of a camera that is disabled in the configuration is not reported.
        condition = conditions.pop(part_name(name), None)
        if camera.enabled:
            yield assess_camera_health(name, health.cameras.get(name), condition)
    yield assess_model_health(
        info, health.cameras.values(), conditions.pop(ConditionKind.MODEL, None)
    )
    if health.disk:
        yield assess_disk_wear(health.disk.written_mb, health.uptime_s)
    for name, condition in conditions.items():
        if name not in _HOST_CONDITIONS:
            yield _assess_condition(condition)


def make_missing_status_finding() -> Finding:
    """Make the finding of a daemon that runs outside of its service and so has no status files."""
    advice = (
        "run it as a service (RuntimeDirectory=edged), or stop it so that each part can be checked"
    )
    return warn("daemon", "it runs, but its status cannot be read", advice)


def _assess_condition(condition: HealthCondition) -> Finding:
    make_finding = fail if condition.severity == "failed" else warn
    return make_finding(condition.name, condition.detail, _ADVICE)
