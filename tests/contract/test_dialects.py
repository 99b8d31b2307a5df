"""Every registered dialect implements the protocol, and says what it says on topics of its own."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from edged.interfaces import Dialect, ForeignMessage
from edged.messaging.contract.header import Header
from edged.registry import DIALECTS, load_driver
from support.examples import IDENTITY, detections, event, examples, stamper, state

STAMPER = stamper()
SOME_STATE = state(
    counts={"person": 1, "odd/#+ label": 2},
    active={"person": 1},
    zones={"door": {"person": 1}, "yard": {}},
    zones_active={"door": {"person": 1}, "yard": {}},
    motion=True,
)


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return make(request.param)


def make(name: str, **keys: object) -> Dialect:
    driver = load_driver(DIALECTS, name)
    made: Dialect = driver(driver.Settings(**keys), device=IDENTITY.device)
    return made


def say(dialect: Dialect, *messages: Header) -> list[ForeignMessage]:
    return [said for one in messages for said in dialect.translate(STAMPER.stamp(one))]


def story() -> list[Header]:
    """A person comes, stands at the door, and leaves."""
    return [
        SOME_STATE,
        event(zones=(), entered_zones=()),
        detections(),
        event(type="update", zones=("door",)),
        event(type="update", stationary=True),
        event(type="end", ended="2026-11-21T09:30:06.000Z", zones=("door",)),
        state(zones={"door": {}}, online=False),
    ]


@pytest.mark.parametrize("name", DIALECTS)
def test_has_settings_with_a_switch_and_defaults(name: str) -> None:
    settings: type[msgspec.Struct] = load_driver(DIALECTS, name).Settings
    assert settings().enabled  # type: ignore[attr-defined]
    assert settings.__struct_config__.frozen


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("prefix", ["edged", "edged/v1/shop-12/down"])
def test_stays_out_of_the_topics_by_which_devices_are_commanded(name: str, prefix: str) -> None:
    with pytest.raises(ValueError, match="below edged's own topics"):
        make(name, prefix=prefix)


def test_what_it_says_can_be_published(dialect: Dialect) -> None:
    said = [*dialect.begin(), *say(dialect, *story()), *dialect.end()]
    assert said
    for one in said:
        topic = one.message.topic
        assert topic
        assert not topic.startswith(("edged/", "/", "$")), topic
        assert not set("#+\0") & set(topic)
        assert one.message.qos in (0, 1)
        assert one.is_state or not one.message.retain, f"{topic} is retained, but does not hold"


def test_reacts_to_an_object(dialect: Dialect) -> None:
    dialect.begin()
    say(dialect, SOME_STATE)
    assert say(dialect, event(zones=("door",)))
    assert say(dialect, event(type="end", ended="2026-11-21T09:30:06.000Z", zones=()))


def test_nothing_stays_occupied_or_available_at_the_end(dialect: Dialect) -> None:
    said = [*dialect.begin(), *say(dialect, *story()), *dialect.end()]
    newest = {one.message.topic: one.message.payload for one in said if one.is_state}
    assert newest
    assert [topic for topic, payload in newest.items() if not is_idle(payload)] == []


def is_idle(payload: bytes) -> bool:
    if payload in (b"0", b"OFF", b"offline", b""):
        return True
    values: Mapping[str, Any] = json.loads(payload)["Data"]
    return True not in values.values()


def make_like(dialect: Dialect) -> Dialect:
    name = next(n for n, path in DIALECTS.items() if path.endswith(type(dialect).__name__))
    return make(name)


def test_takes_every_message_of_the_contract(dialect: Dialect) -> None:
    for message, seq in examples().values():
        dialect.translate(STAMPER.stamp(message, seq))


def test_takes_the_events_of_objects_that_it_never_saw_begin(dialect: Dialect) -> None:
    say(dialect, SOME_STATE)
    assert say(dialect, event(type="update", zones=("door",)))
    another = make_like(dialect)
    say(another, SOME_STATE)
    assert say(another, event(type="end", ended="2026-11-21T09:30:06.000Z")) == []


@pytest.mark.parametrize("order", [("front", "back"), ("back", "front")])
@pytest.mark.parametrize("name", DIALECTS)
def test_keeps_cameras_apart(name: str, order: Sequence[str]) -> None:
    dialect = make(name)
    topics = [{one.message.topic for one in say(dialect, state(camera=one))} for one in order]
    assert not topics[0] & topics[1]


def test_the_same_messages_give_the_same_payloads(dialect: Dialect) -> None:
    assert say(dialect, *story()) == say(make_like(dialect), *story())
