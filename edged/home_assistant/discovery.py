"""The discovery message of a device: pure functions of its configuration, its model's labels and its board."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct

from edged.config.settings import CameraSettings, Settings
from edged.home_assistant.camera_entities import CameraView, camera_entities
from edged.home_assistant.component import (
    Availability,
    Component,
    DeviceEntry,
    DiscoveryMessage,
    DiscoveryOrigin,
    Entity,
    Platform,
)
from edged.home_assistant.device_entities import AnnouncedDevice, device_entities
from edged.home_assistant.labels import counted_labels
from edged.home_assistant.names import (
    component_id,
    device_id,
    slug,
    unique_entity_ids,
    unique_id,
)
from edged.home_assistant.switch_entities import switch_entities
from edged.messaging.contract.topics import Topics


class DeviceFacts(Struct, frozen=True, kw_only=True):
    """The device, as far as its discovery message depends on it, beside the configuration.

    Attributes:
        name: the device's name in topics.
        version: version of edged.
        board: name of the board; empty if unknown.
        has_temperature: whether the board has a sensor.
        labels: the model's labels; empty while no model has run.
        recommended_labels: the labels that the model's maker recommends; None for all.
        install_id: id of the command that installs the offered model.
    """

    name: str
    version: str
    board: str = ""
    has_temperature: bool = False
    labels: tuple[str, ...] = ()
    recommended_labels: tuple[str, ...] | None = None
    install_id: str = ""


def discovery_topic(settings: Settings, device: str) -> str:
    """Return the topic of a device's discovery message."""
    return f"{settings.home_assistant.prefix}/device/{device_id(device)}/config"


def status_topic(settings: Settings) -> str:
    """Return the topic on which Home Assistant says that it is online."""
    return f"{settings.home_assistant.prefix}/status"


def build_components(settings: Settings, facts: DeviceFacts) -> dict[str, Component]:
    """Return all components of a device, by id."""
    components = {
        component_id(entity.path): entity.component for entity in _list_entities(settings, facts)
    }
    entity_ids = unique_entity_ids(
        {
            name: f"{one.platform}.{slug(f'{facts.name} {one.name}')}"
            for name, one in components.items()
        }
    )
    return {
        name: msgspec.structs.replace(
            one, unique_id=unique_id(facts.name, name), default_entity_id=entity_ids[name]
        )
        for name, one in components.items()
    }


def encode_discovery(
    facts: DeviceFacts, components: Mapping[str, Component], removed: Mapping[str, Platform]
) -> bytes:
    """Encode the discovery message.

    Args:
        facts: the device.
        components: its components, by id.
        removed: platforms of the components to remove, by id.
    """
    to_remove = {name: Component(platform=platform) for name, platform in removed.items()}
    message = DiscoveryMessage(
        device=DeviceEntry(
            identifiers=(device_id(facts.name),),
            name=facts.name,
            manufacturer="edged",
            model=facts.board,
            software_version=facts.version,
        ),
        origin=DiscoveryOrigin(name="edged", software_version=facts.version),
        availability=(_device_availability(Topics(facts.name)),),
        components={**components, **to_remove},
    )
    return msgspec.json.encode(message)


def _list_entities(settings: Settings, facts: DeviceFacts) -> Iterator[Entity]:
    device = AnnouncedDevice(
        topics=Topics(facts.name),
        has_temperature=facts.has_temperature,
        install_id=facts.install_id,
        commands=settings.commands,
    )
    yield from device_entities(device)
    for name, camera in settings.camera.items():
        if camera.enabled:
            view = _make_camera_view(settings, facts, name, camera)
            yield from camera_entities(view)
            yield from switch_entities(view, settings.commands)


def _make_camera_view(
    settings: Settings, facts: DeviceFacts, name: str, camera: CameraSettings
) -> CameraView:
    topics = Topics(facts.name)
    policy = camera.images or settings.images.policy
    return CameraView(
        name=name,
        settings=camera,
        labels=counted_labels(settings, camera, facts.labels, facts.recommended_labels),
        has_pictures=policy != "never",
        topics=topics,
        device_availability=_device_availability(topics),
    )


def _device_availability(topics: Topics) -> Availability:
    return Availability(topic=f"{topics.up}/status", value_template="{{ value_json.status }}")
