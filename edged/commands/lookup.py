"""Find what a command names in the configuration."""

from edged.config.problems import suggest_name
from edged.config.settings import CameraSettings
from edged.interfaces.command import Device, Refused


def find_camera(device: Device, name: str) -> CameraSettings | Refused:
    """Return an enabled camera's settings, or the refusal of a command that names another one."""
    cameras = {key: one for key, one in device.settings.camera.items() if one.enabled}
    return cameras.get(name) or _refuse_unknown("camera", name, tuple(cameras))


def refuse_unless_known(kind: str, name: str, names: tuple[str, ...]) -> Refused | None:
    """Return the refusal of a command that names something that there is not; None if there is.

    Args:
        kind: what is named, as "zone".
        name: its name.
        names: the names that there are.
    """
    return None if name in names else _refuse_unknown(kind, name, names)


def _refuse_unknown(kind: str, name: str, names: tuple[str, ...]) -> Refused:
    known = ", ".join(names) or "none"
    hint = suggest_name(name, names)
    return Refused("not_found", f"there is no {kind} {name!r}; " + (hint or f"there are: {known}"))
