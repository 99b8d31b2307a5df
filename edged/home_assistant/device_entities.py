"""The entities of the device itself."""

from collections.abc import Iterator

from msgspec import Struct

from edged.config.settings import CommandSettings
from edged.home_assistant.commands import (
    command_payload,
    command_template,
    command_topic,
    is_allowed,
)
from edged.home_assistant.component import Component, Entity
from edged.messaging.contract.topics import Topics

_CONDITIONS_TEMPLATE = (
    "{{ {'conditions': value_json.degradations | map(attribute='name') | list,"
    " 'details': value_json.degradations | map(attribute='detail') | list} | tojson }}"
)
_MODEL_TEMPLATE = """\
{% set candidate = value_json.candidate or {} -%}
{% set installed = (value_json.installed or {}).get('name', '') -%}
{% set begin, share = {'fetching': (0, 40), 'staged': (40, 5), 'verified': (45, 15), 'self-tested': (60, 5), 'trial': (65, 35)}\
.get(candidate.get('state'), (0, 0)) -%}
{{ {'installed_version': installed,
'latest_version': (candidate.get('version') or {}).get('name') or (value_json.channel or {}).get('offered') or installed,
'release_summary': (candidate.get('blocked_reason') or (value_json.last or {}).get('reason') or '')[:255],
'update_percentage': (begin + share * candidate.get('progress', 0)) | round | int if candidate else none,
'in_progress': candidate | length > 0} | tojson }}"""
"""Home Assistant refuses a field that it does not know, a null name, and a summary of over 255 characters."""


class AnnouncedDevice(Struct, frozen=True, kw_only=True):
    """The device, as its own entities are made from it.

    Attributes:
        topics: its topics.
        has_temperature: whether the board has a sensor.
        install_id: id of the command that installs the offered model: another one for each offer and after each attempt.
        commands: which commands it executes.
    """

    topics: Topics
    has_temperature: bool
    install_id: str
    commands: CommandSettings


def device_entities(device: AnnouncedDevice) -> Iterator[Entity]:
    """Yield what the device shows, and its buttons."""
    yield Entity(("problem",), _problem(device))
    if device.has_temperature:
        yield Entity(("temperature",), _temperature(device))
    yield Entity(("model",), _model(device))
    if is_allowed(device.commands, "restart"):
        yield Entity(
            ("restart",),
            Component(
                platform="button",
                name="restart",
                device_class="restart",
                entity_category="config",
                command_topic=command_topic(device.topics, "restart"),
                command_template=command_template(),
            ),
        )


def _problem(device: AnnouncedDevice) -> Component:
    return Component(
        platform="binary_sensor",
        name="problem",
        device_class="problem",
        entity_category="diagnostic",
        state_topic=f"{device.topics.up}/health",
        value_template="{{ 'OFF' if value_json.overall == 'ok' else 'ON' }}",
        attributes_topic=f"{device.topics.up}/health",
        attributes_template=_CONDITIONS_TEMPLATE,
    )


def _temperature(device: AnnouncedDevice) -> Component:
    return Component(
        platform="sensor",
        name="temperature",
        device_class="temperature",
        entity_category="diagnostic",
        state_class="measurement",
        unit="°C",
        precision=1,
        state_topic=f"{device.topics.up}/health",
        value_template="{{ value_json.soc_temperature_c }}",
    )


def _model(device: AnnouncedDevice) -> Component:
    can_install = is_allowed(device.commands, "update.install")
    return Component(
        platform="update",
        name="model",
        entity_category="diagnostic" if not can_install else "config",
        state_topic=f"{device.topics.up}/model",
        value_template=_MODEL_TEMPLATE,
        command_topic=command_topic(device.topics, "update.install") if can_install else "",
        payload_install=command_payload(device.install_id) if can_install else "",
    )
