"""The discovery message of many configurations: which entities there are, and what their templates make of the contract's golden payloads."""

import datetime as dt
import json
from typing import Any

import jinja2.sandbox
import msgspec
import pytest

from edged.config.settings import CommandSettings, Settings
from edged.home_assistant.announced import Announcement, announce
from edged.home_assistant.component import Component
from edged.home_assistant.discovery import build_components, discovery_topic, encode_discovery
from support.discovery import CONFIGURATIONS, commanded_settings, facts
from support.examples import payload

TEMPLATES = jinja2.sandbox.ImmutableSandboxedEnvironment(autoescape=False)
"""Home Assistant's templates run in this sandbox, which allows less than Jinja: no range above 100,000 for example."""
NOW = dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC)


def render(template: str, **values: Any) -> str:
    return TEMPLATES.from_string(template).render(utcnow=lambda: NOW, **values)


def read(component: Component, example: str, **changes: Any) -> str:
    """Return what Home Assistant makes of an example of the contract."""
    return render(component.value_template, value_json=json.loads(payload(example)) | changes)


@pytest.fixture(scope="module")
def components() -> dict[str, Component]:
    return build_components(commanded_settings(), facts())


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_ids_are_unique_in_every_configuration(name: str) -> None:
    settings, device = CONFIGURATIONS[name]
    components = build_components(settings, device)
    for field in ("unique_id", "default_entity_id"):
        values = [getattr(component, field) for component in components.values()]
        assert len(set(values)) == len(values), field
    domains = {c.default_entity_id.partition(".")[0] == c.platform for c in components.values()}
    assert domains == {True}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_message_has_only_keys_that_are_set(name: str) -> None:
    settings, device = CONFIGURATIONS[name]
    components = build_components(settings, device)
    message = json.loads(encode_discovery(device, components, {"gone": "sensor"}))
    assert message["cmps"].pop("gone") == {"p": "sensor"}
    assert len(message["cmps"]) == len(components)
    assert all(component["uniq_id"] for component in message["cmps"].values())
    assert None not in [value for one in message["cmps"].values() for value in one.values()]


def test_entities_of_a_camera(components: dict[str, Component]) -> None:
    names = {name.removeprefix("camera/front/") for name in components if "camera/front/" in name}
    assert names == {
        *(
            "occupancy",
            "motion",
            "picture",
            "online",
            "fps",
            "latency",
            "count/person",
            "count/car",
        ),
        *("zone/door/occupancy", "zone/door/count/person", "zone/door/enabled"),
        *("mask/tree/enabled", "detect", "threshold", "snapshot"),
    }


def test_entities_of_the_device(components: dict[str, Component]) -> None:
    names = {name for name in components if not name.startswith("camera/")}
    assert names == {"problem", "temperature", "model", "restart"}


def test_without_commands_nothing_can_be_switched() -> None:
    settings = msgspec.structs.replace(commanded_settings(), commands=CommandSettings())
    components = build_components(settings, facts())
    assert not [name for name, one in components.items() if one.command_topic]
    assert {one.platform for one in components.values()}.isdisjoint({"switch", "button", "number"})


def test_only_allowed_commands_have_entities() -> None:
    commands = CommandSettings(enabled=True, verbs=("detect", "update.install"))
    settings = msgspec.structs.replace(commanded_settings(), commands=commands)
    components = build_components(settings, facts())
    assert {name for name, one in components.items() if one.command_topic} == {
        "camera/front/detect",
        "camera/back/detect",
        "model",
    }


def test_no_picture_where_the_policy_is_never(components: dict[str, Component]) -> None:
    assert "camera/front/picture" in components
    assert "camera/back/picture" not in components  # its own policy
    assert "camera/back/snapshot" not in components


def test_a_disabled_camera_has_no_entities() -> None:
    assert not [name for name in build_components(*CONFIGURATIONS["disabled"]) if "off" in name]


@pytest.mark.parametrize(
    ("component", "example", "changes", "expected"),
    [
        ("camera/front/occupancy", "state", {}, "ON"),
        ("camera/front/occupancy", "state", {"occupied": False}, "OFF"),
        ("camera/front/motion", "state", {}, "ON"),
        ("camera/front/online", "state", {"online": False}, "OFF"),
        ("camera/front/count/person", "state", {}, "2"),
        ("camera/front/count/car", "state", {}, "0"),
        ("camera/front/zone/door/occupancy", "state", {}, "ON"),
        ("camera/front/zone/door/occupancy", "state", {"zones": {"door": {"person": 0}}}, "OFF"),
        ("camera/front/zone/door/occupancy", "state", {"zones": {}}, "OFF"),
        ("camera/front/zone/door/count/person", "state", {}, "1"),
        ("camera/front/zone/door/count/person", "state", {"zones": {}}, "0"),
        ("camera/front/fps", "health", {}, "0.0"),
        ("camera/front/fps", "health", {"cameras": {}}, "None"),
        ("camera/front/latency", "health", {}, "0.028"),
        ("camera/front/latency", "health", {"cameras": {"front": {"latency_s": {}}}}, "None"),
        ("problem", "health", {}, "ON"),
        ("problem", "health", {"overall": "ok"}, "OFF"),
        ("temperature", "health", {}, "54.2"),
    ],
)
def test_a_state_is_read_from_the_contract(
    components: dict[str, Component], component: str, example: str, changes: Any, expected: str
) -> None:
    assert read(components[component], example, **changes) == expected


def test_the_conditions_are_attributes(components: dict[str, Component]) -> None:
    health = json.loads(payload("health"))
    attributes = json.loads(render(components["problem"].attributes_template, value_json=health))
    assert attributes == {"conditions": ["camera.front"], "details": ["no frame for 3 s"]}


def test_the_model_on_trial_is_an_update_in_progress(components: dict[str, Component]) -> None:
    assert json.loads(read(components["model"], "model")) == {
        "installed_version": "coco-ssd@1.1",
        "latest_version": "coco-ssd@1.2",
        "release_summary": "too little evidence for a comparison: 3 of 20 boxes",
        "update_percentage": 79,
        "in_progress": True,
    }


@pytest.mark.parametrize(
    ("channel", "latest"),
    [(None, "coco-ssd@1.1"), ({"offered": ""}, "coco-ssd@1.1"), ({"offered": "x@2"}, "x@2")],
)
def test_the_model_at_rest(
    components: dict[str, Component], channel: dict[str, str] | None, latest: str
) -> None:
    state = json.loads(
        read(components["model"], "model", candidate=None, last=None, channel=channel)
    )
    assert state == {
        "installed_version": "coco-ssd@1.1",
        "latest_version": latest,
        "release_summary": "",
        "update_percentage": None,
        "in_progress": False,
    }


def test_a_reason_is_cut_to_what_home_assistant_takes(components: dict[str, Component]) -> None:
    state = json.loads(
        read(components["model"], "model", installed=None, last={"reason": "x" * 999})
    )
    assert len(state["release_summary"]) == 255
    assert state["installed_version"] == ""


@pytest.mark.parametrize(
    ("component", "value", "verb", "args"),
    [
        ("camera/front/detect", "false", "detect", {"camera": "front", "on": False}),
        ("camera/front/threshold", "0.55", "threshold", {"camera": "front", "score": 0.55}),
        (
            "camera/front/zone/door/enabled",
            "true",
            "zone",
            {"camera": "front", "zone": "door", "on": True},
        ),
        (
            "camera/front/mask/tree/enabled",
            "true",
            "mask",
            {"camera": "front", "mask": "tree", "on": True},
        ),
        ("camera/front/snapshot", "PRESS", "snapshot", {"camera": "front"}),
        ("restart", "PRESS", "restart", {}),
    ],
)
def test_a_command(
    components: dict[str, Component], component: str, value: str, verb: str, args: Any
) -> None:
    one = components[component]
    assert one.command_topic == f"edged/v1/shop-12/down/cmd/{verb}"
    sent = [json.loads(render(one.command_template, value=value)) for _ in range(2)]
    assert sent[0]["args"] == args
    assert sent[0]["expires_s"] == 30
    assert sent[0]["sent"] == NOW.isoformat()
    assert sent[0]["id"] != sent[1]["id"]


def test_an_installation_has_the_id_that_it_is_given(components: dict[str, Component]) -> None:
    assert json.loads(components["model"].payload_install) == {
        "id": "install-1",
        "args": {},
        "expires_s": 30,
    }


def test_the_message_of_an_old_configuration_removes_what_has_gone() -> None:
    device = facts()
    before = build_components(commanded_settings(), device)
    settings = Settings()
    after = build_components(settings, device)
    topic = discovery_topic(settings, device.name)
    announcement = announce(
        Announcement(topic=topic, components={name: one.platform for name, one in before.items()}),
        topic=topic,
        labels=device.labels,
        components={name: one.platform for name, one in after.items()},
    )
    message = json.loads(encode_discovery(device, after, announcement.removed))
    assert topic == "homeassistant/device/edged-shop-12/config"
    assert message["cmps"]["camera/front/picture"] == {"p": "image"}
    assert set(message["cmps"]) == set(before)
