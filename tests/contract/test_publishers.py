"""Every registered publisher keeps the protocol's promises."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from edged.interfaces import Delivered, Link, Notice, Outgoing, Publisher, Received
from edged.publishers import jsonl
from edged.publishers.jsonl import JsonlSettings
from edged.registry import PUBLISHERS, load
from support.broker import Broker, running
from support.device import mqtt_settings
from support.subscriber import Subscriber, say

BIRTH = Outgoing(topic="edged/v1/d/up/status", payload=b'{"status":"online"}', qos=1, retain=True)
LAST = Outgoing(topic="edged/v1/d/up/status", payload=b'{"status":"offline"}', qos=1, retain=True)
EVENT = Outgoing(topic="edged/v1/d/up/camera/c/events", payload=b'{"seq":1}', qos=1)
TOLD = "edged/v1/d/down/desired"
LIVE = Outgoing(topic="edged/v1/d/up/camera/c/detections", payload=b'{"frame":1}')

Seen = Callable[[], list[tuple[str, object]]]
Say = Callable[[str, bytes], None]


class Way:
    """A publisher, what it told, and what arrived at the other end."""

    def __init__(
        self, name: str, settings: msgspec.Struct, seen: Seen, say: Say | None = None
    ) -> None:
        self.told: list[Notice] = []
        self.threads: set[int] = set()
        self.seen = seen
        self.say = say
        """Publishes at the other end; None: the publisher has no way in."""
        self.births = 0
        self.publisher: Publisher = load(PUBLISHERS, name)(
            settings, device="d", birth=self._birth, will=LAST, notify=self._notify, listen=[TOLD]
        )

    def _birth(self) -> Sequence[Outgoing]:
        self.births += 1
        return [BIRTH]

    def _notify(self, notice: Notice) -> None:
        self.threads.add(threading.get_ident())
        self.told.append(notice)

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, (self.told, self.seen())
            time.sleep(0.01)


@pytest.fixture(params=PUBLISHERS)
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    if request.param == "jsonl":
        path = tmp_path / "out.jsonl"

        def lines() -> list[tuple[str, object]]:
            found = map(json.loads, path.read_text().splitlines() if path.exists() else [])
            return [(line["topic"], line["payload"]) for line in found]

        way = Way("jsonl", JsonlSettings(path=str(path)), lines)
        yield way
        way.publisher.close([], 1)
        return
    with running(Broker(tmp_path / "broker")) as broker, Subscriber(broker.port) as subscriber:
        way = Way(
            request.param,
            mqtt_settings(broker.port),
            lambda: [(m.topic, m.json) for m in subscriber.messages()],
            lambda topic, payload: say(broker.port, topic, payload),
        )
        yield way
        way.publisher.close([], 1)


def test_nothing_is_taken_before_the_start(way: Way) -> None:
    assert not way.publisher.publish(EVENT, token=1)
    assert way.told == []
    assert way.births == 0


def test_birth_comes_before_anything_else(way: Way) -> None:
    way.publisher.start()
    way.wait(lambda: Link(up=True) in way.told)
    assert way.publisher.publish(EVENT, token=1)
    way.wait(lambda: len(way.seen()) == 2)
    assert way.seen() == [(BIRTH.topic, {"status": "online"}), (EVENT.topic, {"seq": 1})]
    assert way.births == 1


def test_each_token_is_answered_once(way: Way) -> None:
    way.publisher.start()
    way.wait(lambda: Link(up=True) in way.told)
    for token in range(50):
        assert way.publisher.publish(EVENT, token)
    way.wait(lambda: len(way.told) == 51)
    assert sorted(r.token for r in way.told if isinstance(r, Delivered)) == list(range(50))
    assert all(not r.error for r in way.told if isinstance(r, Delivered))


def test_what_has_no_token_is_not_answered(way: Way) -> None:
    way.publisher.start()
    way.wait(lambda: Link(up=True) in way.told)
    assert way.publisher.publish(LIVE)
    way.wait(lambda: (LIVE.topic, {"frame": 1}) in way.seen())
    assert way.told == [Link(up=True)]


def test_what_it_listens_to_is_received_and_nothing_else(way: Way) -> None:
    way.publisher.start()
    way.wait(lambda: Link(up=True) in way.told)
    if way.say is None:
        assert way.told == [Link(up=True)]
        return
    for topic, payload in ((TOLD + "/more", b"{}"), (TOLD, b'{"sequence":1}')):
        way.say(topic, payload)
    way.wait(lambda: len(way.told) == 2)
    assert way.told[1] == Received(TOLD, b'{"sequence":1}', retained=False)


def test_last_words_are_last_and_there_is_no_will(way: Way) -> None:
    way.publisher.start()
    way.wait(lambda: Link(up=True) in way.told)
    way.publisher.publish(EVENT, token=1)
    way.publisher.close([LAST], 5)
    way.wait(lambda: len(way.seen()) == 3)
    assert [topic for topic, _ in way.seen()] == [BIRTH.topic, EVENT.topic, LAST.topic]
    assert not way.publisher.publish(EVENT, token=2)


def test_closing_twice_and_unstarted_is_no_error(way: Way) -> None:
    way.publisher.close([LAST], 0.2)
    way.publisher.close([LAST], 0.2)
    assert way.seen() == []


def test_a_file_that_cannot_be_written_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "_RETRY_S", 0.05)
    path = tmp_path / "later" / "out.jsonl"
    way = Way("jsonl", JsonlSettings(path=str(path)), list)
    way.publisher.start()
    assert isinstance(way.told[0], Link)
    assert f"jsonl.path {path}" in way.told[0].reason
    assert not way.publisher.publish(EVENT, token=1)
    path.parent.mkdir()
    way.wait(lambda: Link(up=True) in way.told)
    assert way.publisher.publish(EVENT, token=1)
    way.publisher.close([], 1)
    assert path.read_bytes() == jsonl.line(BIRTH) + jsonl.line(EVENT)


def test_what_is_not_json_is_a_line_all_the_same() -> None:
    line = json.loads(jsonl.line(Outgoing(topic="t", payload=b"\xff\xd8\xff")))
    assert line == {"topic": "t", "qos": 0, "retain": False, "payload": "/9j/"}
