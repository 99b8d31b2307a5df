"""The messages that the web process keeps, and those who listen."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from edged.web.feed import MessageFeed
from edged.web.stream import stream_messages

STATE, EVENTS, DETECTIONS = (f"camera/front/{kind}" for kind in ("state", "events", "detections"))


def run(test: Callable[[MessageFeed], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test(MessageFeed()))


async def take_all(queue: "asyncio.Queue[tuple[str, bytes] | None]") -> list[str | None]:
    items = [queue.get_nowait() for _ in range(queue.qsize())]
    return [None if item is None else item[0] for item in items]


def test_a_listener_gets_the_newest_of_each_topic_the_events_and_the_log() -> None:
    async def test(feed: MessageFeed) -> None:
        for topic in (STATE, STATE, EVENTS, EVENTS, DETECTIONS, "log", "log"):
            feed.add(topic, b"{}")
        queue = feed.listen()
        assert await take_all(queue) == [STATE, EVENTS, EVENTS, "log", "log"]
        feed.add(DETECTIONS, b"{}")
        assert await take_all(queue) == [DETECTIONS]
        feed.forget(queue)
        feed.add(STATE, b"{}")
        assert await take_all(queue) == []

    run(test)


def test_a_listener_that_does_not_keep_up_is_ended_and_others_are_not() -> None:
    async def test(feed: MessageFeed) -> None:
        slow, quick = feed.listen(), feed.listen()
        for _ in range(1500):
            feed.add(DETECTIONS, b"{}")
            await take_all(quick)
        topics = await take_all(slow)
        assert topics[-1] is None
        assert len(topics) == 1001
        feed.add(STATE, b"{}")
        assert await take_all(quick) == [STATE]

    run(test)


def test_what_is_kept_is_bounded() -> None:
    async def test(feed: MessageFeed) -> None:
        for number in range(5000):
            feed.add(EVENTS, b"%d" % number)
            feed.add("log", b"%d" % number)
        assert feed.listen().qsize() <= 500

    run(test)


@pytest.mark.parametrize("payload", [b'{"text":"a"}', '{"text":"ö → \\n"}'.encode()])
def test_a_stream_is_one_event_for_each_message(payload: bytes) -> None:
    async def test(feed: MessageFeed) -> None:
        feed.add(STATE, payload)
        stream = stream_messages(feed)
        assert (await anext(stream)).startswith(b"retry: ")
        event = await anext(stream)
        assert event.endswith(b"\n\n")
        assert event.count(b"\n") == 2
        sent = json.loads(event.removeprefix(b"data: "))
        assert sent == {"topic": STATE, "message": json.loads(payload)}
        feed.close()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    run(test)
