"""The parts of a discovery message, as Home Assistant's MQTT integration (2026.4 and later) reads them.

The JSON has Home Assistant's own abbreviations: a device with eight cameras has hundreds of components in one message. A field with its
default value is left out.
"""

from typing import Literal

from msgspec import Struct, field

Platform = Literal["binary_sensor", "button", "image", "number", "sensor", "switch", "update"]


class Availability(
    Struct, frozen=True, kw_only=True, rename={"topic": "t", "value_template": "val_tpl"}
):
    """A topic that says whether entities are available: `online` or `offline`.

    Attributes:
        topic: the topic.
        value_template: makes one of the two words from its payload; any other word changes nothing.
    """

    topic: str
    value_template: str


class Component(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "platform": "p",
        "unique_id": "uniq_id",
        "default_entity_id": "def_ent_id",
        "icon": "ic",
        "device_class": "dev_cla",
        "entity_category": "ent_cat",
        "state_class": "stat_cla",
        "unit": "unit_of_meas",
        "precision": "sug_dsp_prc",
        "state_topic": "stat_t",
        "value_template": "val_tpl",
        "attributes_topic": "json_attr_t",
        "attributes_template": "json_attr_tpl",
        "image_topic": "img_t",
        "content_type": "cont_type",
        "command_topic": "cmd_t",
        "command_template": "cmd_tpl",
        "payload_on": "pl_on",
        "payload_off": "pl_off",
        "payload_press": "pl_prs",
        "payload_install": "pl_inst",
        "availability": "avty",
    },
):
    """One entity; with its platform alone, an entity that Home Assistant is to remove.

    Attributes:
        platform: Home Assistant's kind of entity.
        unique_id: what Home Assistant knows the entity by, for ever.
        name: shown behind the device's name.
        default_entity_id: the entity id, unless it is taken.
        icon: name of an icon, where no device class has one.
        device_class: what the value means.
        entity_category: "config" or "diagnostic"; "" for what the device is there for.
        state_class: "measurement" for a number whose history is kept.
        unit: unit of the value.
        precision: decimals that are shown.
        state_topic: topic of the state.
        value_template: makes the state from the payload.
        attributes_topic: topic of the attributes.
        attributes_template: makes a JSON map of attributes from the payload.
        image_topic: topic of a picture.
        content_type: kind of the picture.
        command_topic: topic to which commands go.
        command_template: makes a command's payload from `value`.
        payload_on: `value` that switches on, and the state of a switch that is on.
        payload_off: `value` that switches off, and the state of a switch that is off.
        payload_press: `value` of a button.
        payload_install: payload that installs an update, without a template.
        min: smallest number.
        max: largest number.
        step: smallest change of the number.
        mode: how the number is shown.
        availability: all must be online; empty: the device's.
    """

    platform: Platform
    unique_id: str = ""
    name: str = ""
    default_entity_id: str = ""
    icon: str = ""
    device_class: str = ""
    entity_category: Literal["", "config", "diagnostic"] = ""
    state_class: Literal["", "measurement"] = ""
    unit: str = ""
    precision: int | None = None
    state_topic: str = ""
    value_template: str = ""
    attributes_topic: str = ""
    attributes_template: str = ""
    image_topic: str = ""
    content_type: str = ""
    command_topic: str = ""
    command_template: str = ""
    payload_on: str = ""
    payload_off: str = ""
    payload_press: str = ""
    payload_install: str = ""
    min: float | None = None
    max: float | None = None
    step: float | None = None
    mode: Literal["", "slider"] = ""
    availability: tuple[Availability, ...] = ()


class Entity(Struct, frozen=True):
    """A component and the parts of its id.

    Attributes:
        path: what the entity belongs to and what it is, as ``("camera", "front", "zone", "door", "count", "person")``.
        component: the component, without `unique_id` and `default_entity_id`.
    """

    path: tuple[str, ...]
    component: Component


class DeviceEntry(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "identifiers": "ids",
        "manufacturer": "mf",
        "model": "mdl",
        "software_version": "sw",
    },
):
    """The device in Home Assistant's list of devices.

    Attributes:
        identifiers: what Home Assistant knows the device by, for ever.
        name: shown name.
        manufacturer: shown maker.
        model: shown model: the board.
        software_version: version of edged.
    """

    identifiers: tuple[str, ...]
    name: str
    manufacturer: str = ""
    model: str = ""
    software_version: str = ""


class DiscoveryOrigin(Struct, frozen=True, kw_only=True, rename={"software_version": "sw"}):
    """The sender of a discovery message.

    Attributes:
        name: name of the program.
        software_version: its version.
    """

    name: str
    software_version: str


class DiscoveryMessage(
    Struct,
    frozen=True,
    kw_only=True,
    rename={
        "device": "dev",
        "origin": "o",
        "availability": "avty",
        "availability_mode": "avty_mode",
        "components": "cmps",
    },
):
    """The payload of PREFIX/device/ID/config: all entities of a device.

    Attributes:
        device: the device.
        origin: the sender.
        availability: of each component that has none of its own.
        availability_mode: "all": an entity is available while all its topics say so.
        qos: of Home Assistant's subscriptions and commands.
        components: by their ids; those to remove included.
    """

    device: DeviceEntry
    origin: DiscoveryOrigin
    availability: tuple[Availability, ...]
    availability_mode: Literal["all"] = "all"
    qos: int = 1
    components: dict[str, Component] = field(default_factory=dict)
