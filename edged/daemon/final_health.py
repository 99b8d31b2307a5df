"""The last health of a session: what is true after the daemon has stopped in order."""

import msgspec

from edged.health import ConditionKind, Conditions, Severity
from edged.messaging.contract.device import DeviceHealth


def set_stopped(conditions: Conditions, stop_reason: str, now_ns: int) -> None:
    """Set the condition that the daemon has stopped.

    Args:
        conditions: the active conditions.
        stop_reason: why it stops.
        now_ns: monotonic time.
    """
    detail = (
        f"edged has stopped in order ({stop_reason}); no camera is watched until it starts again"
    )
    conditions.set(ConditionKind.STOPPED, detail, now_ns=now_ns, severity=Severity.FAILED)


def with_cameras_offline(health: DeviceHealth) -> DeviceHealth:
    """Return a health in which no camera delivers frames."""
    cameras = {
        name: msgspec.structs.replace(camera, online=False, fps_in=0.0, fps_inferred=0.0)
        for name, camera in health.cameras.items()
    }
    return msgspec.structs.replace(health, cameras=cameras)
