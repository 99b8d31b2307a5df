"""Switches zones and masks: areas that have names."""

from typing import Literal

from msgspec.structs import replace

from edged.commands.lookup import find_camera, refuse_unless_known
from edged.config.overrides import CameraOverrides
from edged.interfaces.command import Device, Done, Finish, Refused

AreaKind = Literal["zone", "mask"]


def switch_area(
    device: Device, kind: AreaKind, camera: str, area: str, *, is_on: bool, finish: Finish
) -> None:
    """Use an area of a camera, or not.

    Args:
        device: the device.
        kind: what the area is.
        camera: name of the camera.
        area: name of the area.
        is_on: whether it is used.
        finish: gets the outcome.
    """
    settings = find_camera(device, camera)
    if isinstance(settings, Refused):
        finish(settings)
        return
    names = tuple(settings.zone if kind == "zone" else settings.mask)
    refused = refuse_unless_known(kind, area, names)
    if refused is not None:
        finish(refused)
        return
    device.switch(camera, lambda switched: _switch(switched, kind, {area: is_on}))
    finish(Done())


def _switch(switched: CameraOverrides, kind: AreaKind, change: dict[str, bool]) -> CameraOverrides:
    if kind == "zone":
        return replace(switched, zones=switched.zones | change)
    return replace(switched, masks=switched.masks | change)
