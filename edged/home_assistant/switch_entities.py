"""The switches, numbers and buttons of one camera: they send commands."""

from collections.abc import Iterator

import msgspec

from edged.config.settings import CommandSettings
from edged.home_assistant.camera_entities import CameraView
from edged.home_assistant.commands import (
    VALUE,
    CommandArguments,
    command_template,
    command_topic,
    is_allowed,
)
from edged.home_assistant.component import Component, Entity
from edged.home_assistant.names import template_text

_VALUE = msgspec.Raw(VALUE.encode())


def switch_entities(camera: CameraView, commands: CommandSettings) -> Iterator[Entity]:
    """Yield an entity for each command about the camera that the device executes."""
    name = camera.name
    if is_allowed(commands, "detect"):
        arguments = CommandArguments(camera=name, on=_VALUE)
        switch = _switch(camera, "detection", "detect", arguments, "value_json.detect")
        yield Entity(camera.path("detect"), switch)
    if is_allowed(commands, "threshold"):
        yield Entity(camera.path("threshold"), _threshold(camera))
    if is_allowed(commands, "zone"):
        for zone in camera.settings.zone:
            arguments = CommandArguments(camera=name, zone=zone, on=_VALUE)
            state = f"value_json.zones.get({template_text(zone)}, false)"
            switch = _switch(camera, f"zone {zone}", "zone", arguments, state)
            yield Entity(
                camera.path("zone", zone, "enabled"),
                msgspec.structs.replace(switch, entity_category="config"),
            )
    if is_allowed(commands, "mask"):
        for mask in camera.settings.mask:
            arguments = CommandArguments(camera=name, mask=mask, on=_VALUE)
            state = f"value_json.masks.get({template_text(mask)}, false)"
            switch = _switch(camera, f"mask {mask}", "mask", arguments, state)
            yield Entity(
                camera.path("mask", mask, "enabled"),
                msgspec.structs.replace(switch, entity_category="config"),
            )
    if camera.has_pictures and is_allowed(commands, "snapshot"):
        yield Entity(camera.path("snapshot"), _snapshot_button(camera))


def _switches_topic(camera: CameraView) -> str:
    return f"{camera.topics.up}/camera/{camera.name}/switches"


def _switch(
    camera: CameraView, name: str, verb: str, arguments: CommandArguments, state: str
) -> Component:
    return Component(
        platform="switch",
        name=f"{camera.name} {name}",
        state_topic=_switches_topic(camera),
        value_template=f"{{{{ {state} | tojson }}}}",
        command_topic=command_topic(camera.topics, verb),
        command_template=command_template(arguments),
        payload_on="true",
        payload_off="false",
    )


def _threshold(camera: CameraView) -> Component:
    return Component(
        platform="number",
        name=f"{camera.name} threshold",
        icon="mdi:tune",
        entity_category="config",
        state_topic=_switches_topic(camera),
        value_template="{{ value_json.threshold }}",
        command_topic=command_topic(camera.topics, "threshold"),
        command_template=command_template(CommandArguments(camera=camera.name, score=_VALUE)),
        min=0.0,
        max=1.0,
        step=0.01,
        mode="slider",
    )


def _snapshot_button(camera: CameraView) -> Component:
    return Component(
        platform="button",
        name=f"{camera.name} take picture",
        icon="mdi:camera",
        command_topic=command_topic(camera.topics, "snapshot"),
        command_template=command_template(CommandArguments(camera=camera.name)),
    )
