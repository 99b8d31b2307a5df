"""The entities of one camera."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from edged.config.settings import CameraSettings, ZoneSettings
from edged.home_assistant.component import Availability, Component, Entity
from edged.home_assistant.labels import zone_labels
from edged.home_assistant.names import template_text
from edged.messaging.contract.topics import Topics


class CameraView(Struct, frozen=True, kw_only=True):
    """A camera, as its entities are made from it.

    Attributes:
        name: its name.
        settings: its part of the configuration.
        labels: the labels that are counted.
        has_pictures: whether a picture of it may leave the device.
        topics: the device's topics.
        device_availability: says whether the device is online.
    """

    name: str
    settings: CameraSettings
    labels: tuple[str, ...]
    has_pictures: bool
    topics: Topics
    device_availability: Availability

    @property
    def state_topic(self) -> str:
        """Topic of the camera's state."""
        return f"{self.topics.up}/camera/{self.name}/state"

    @property
    def availability(self) -> tuple[Availability, ...]:
        """The device and the camera."""
        template = "{{ 'online' if value_json.online else 'offline' }}"
        camera = Availability(topic=self.state_topic, value_template=template)
        return (self.device_availability, camera)

    def path(self, *parts: str) -> tuple[str, ...]:
        """Return the path of an entity of this camera."""
        return ("camera", self.name, *parts)


def camera_entities(camera: CameraView) -> Iterator[Entity]:
    """Yield what a camera shows; its switches are in `switch_entities`."""
    yield from _scene_entities(camera)
    yield from _count_entities(camera, (), "value_json.counts", camera.labels)
    for name, zone in camera.settings.zone.items():
        yield from _zone_entities(camera, name, zone)
    yield from _diagnostic_entities(camera)


def _scene_entities(camera: CameraView) -> Iterator[Entity]:
    yield Entity(
        camera.path("occupancy"),
        _state_sensor(camera, "occupancy", "occupancy", "value_json.occupied"),
    )
    yield Entity(
        camera.path("motion"), _state_sensor(camera, "motion", "motion", "value_json.motion")
    )
    if camera.has_pictures:
        yield Entity(
            camera.path("picture"),
            Component(
                platform="image",
                name=f"{camera.name} picture",
                image_topic=f"{camera.topics.up}/camera/{camera.name}/snapshot",
                content_type="image/jpeg",
                availability=(camera.device_availability,),
            ),
        )


def _zone_entities(camera: CameraView, name: str, zone: ZoneSettings) -> Iterator[Entity]:
    counts = f"value_json.zones.get({template_text(name)}, {{}})"
    yield Entity(
        camera.path("zone", name, "occupancy"),
        _state_sensor(camera, f"{name} occupancy", "occupancy", f"{counts}.values() | sum > 0"),
    )
    yield from _count_entities(
        camera, ("zone", name), counts, zone_labels(zone, camera.labels), f"{name} "
    )


def _count_entities(
    camera: CameraView, path: tuple[str, ...], counts: str, labels: Sequence[str], prefix: str = ""
) -> Iterator[Entity]:
    """Yield a sensor for each label; `counts` is the template's expression of the map from labels to numbers."""
    for label in labels:
        yield Entity(
            camera.path(*path, "count", label),
            Component(
                platform="sensor",
                name=f"{camera.name} {prefix}{label} count",
                icon="mdi:counter",
                state_class="measurement",
                state_topic=camera.state_topic,
                value_template=f"{{{{ {counts}.get({template_text(label)}, 0) }}}}",
                availability=camera.availability,
            ),
        )


def _diagnostic_entities(camera: CameraView) -> Iterator[Entity]:
    health = f"(value_json.cameras.get({template_text(camera.name)}) or {{}})"
    latency = f"(({health}.get('latency_s') or {{}}).get('total') or {{}}).get('p95')"
    yield Entity(
        camera.path("online"),
        Component(
            platform="binary_sensor",
            name=f"{camera.name} connection",
            device_class="connectivity",
            entity_category="diagnostic",
            state_topic=camera.state_topic,
            value_template="{{ 'ON' if value_json.online else 'OFF' }}",
        ),
    )
    yield Entity(
        camera.path("fps"),
        Component(
            platform="sensor",
            name=f"{camera.name} frame rate",
            icon="mdi:speedometer",
            entity_category="diagnostic",
            state_class="measurement",
            unit="fps",
            precision=1,
            state_topic=f"{camera.topics.up}/health",
            value_template=f"{{{{ {health}.get('fps_inferred') }}}}",
            availability=camera.availability,
        ),
    )
    yield Entity(
        camera.path("latency"),
        Component(
            platform="sensor",
            name=f"{camera.name} latency",
            device_class="duration",
            entity_category="diagnostic",
            state_class="measurement",
            unit="s",
            precision=3,
            state_topic=f"{camera.topics.up}/health",
            value_template=f"{{{{ {latency} }}}}",
            availability=camera.availability,
        ),
    )


def _state_sensor(camera: CameraView, name: str, device_class: str, condition: str) -> Component:
    return Component(
        platform="binary_sensor",
        name=f"{camera.name} {name}",
        device_class=device_class,
        state_topic=camera.state_topic,
        value_template=f"{{{{ 'ON' if {condition} else 'OFF' }}}}",
        availability=camera.availability,
    )
