"""The messages that an observer on the device sees, with and without a connection."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from edged.config.settings import PageSettings, Settings
from edged.event_loop import EventLoop
from edged.interfaces import OutgoingMessage
from edged.messaging.observed_outbox import ObservedOutbox
from edged.messaging.open_outbox import open_outbox
from edged.publishers.jsonl import JsonlSettings
from support.clock import FakeClock
from support.examples import detections, event, stamper, state

Seen = list[tuple[str, dict[str, Any]]]
UP = "edged/v1/shop-12/up"


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[ObservedOutbox]:
    """Yield an outbox whose publisher never connects."""
    clock = FakeClock()
    with EventLoop(clock) as loop:
        outbox = open_outbox(
            Settings(
                page=PageSettings(listen="127.0.0.1:0"),
                publisher=("jsonl", JsonlSettings(path=str(tmp_path / "messages"))),
            ),
            stamper=stamper(clock),
            state_dir=tmp_path,
            clock=clock,
            loop=loop,
            notify=lambda _: None,
        )
        assert isinstance(outbox, ObservedOutbox)
        yield outbox
        outbox.close(0)


def record(seen: Seen) -> Callable[[str, bytes], object]:
    return lambda topic, payload: seen.append((topic.removeprefix(f"{UP}/"), json.loads(payload)))


def observe(outbox: ObservedOutbox) -> Seen:
    seen: Seen = []
    outbox.observe(record(seen))
    return seen


def test_an_observer_sees_what_is_retained_and_then_every_message(outbox: ObservedOutbox) -> None:
    outbox.retain(state())
    outbox.queue_event(event())
    seen = observe(outbox)
    assert [topic for topic, _ in seen] == ["status", "camera/front/state"]
    outbox.queue_event(event(id="e2"))
    outbox.publish_detections(detections())
    outbox.retain(state(counts={"person": 7}))
    outbox.retain(state(counts={"person": 7}))
    assert [topic for topic, _ in seen[2:]] == [
        "camera/front/events",
        "camera/front/detections",
        "camera/front/state",
    ]
    assert (seen[2][1]["id"], seen[2][1]["device"]) == ("e2", "shop-12")
    assert seen[4][1]["counts"] == {"person": 7}


def test_nothing_is_shown_after_the_end(outbox: ObservedOutbox) -> None:
    seen = observe(outbox)
    outbox.observe(None)
    outbox.retain(state())
    outbox.queue_event(event())
    outbox.publish_detections(detections())
    assert [topic for topic, _ in seen] == ["status"]


def test_the_newest_event_of_the_last_objects_is_kept_for_later(outbox: ObservedOutbox) -> None:
    outbox.remember_events(2)
    for number in range(3):
        outbox.queue_event(event(id=f"e{number}"))
    outbox.queue_event(replace(event(id="e1"), type="end"))
    kept = [message for topic, message in observe(outbox) if topic.endswith("/events")]
    assert [(message["id"], message["type"]) for message in kept] == [
        ("e2", event().type),
        ("e1", "end"),
    ]


def test_messages_for_other_programs_are_not_shown(outbox: ObservedOutbox) -> None:
    outbox.retain(OutgoingMessage(topic="homeassistant/device/x/config", payload=b"", retain=True))
    seen = observe(outbox)
    outbox.retain(OutgoingMessage(topic="homeassistant/device/y/config", payload=b"", retain=True))
    assert [topic for topic, _ in seen] == ["status"]
