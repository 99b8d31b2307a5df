"""The messages of the device as server-sent events for the page."""

import asyncio
from collections.abc import AsyncIterator

from edged.web.feed import MessageFeed

_HEARTBEAT_S = 15.0


async def stream_messages(feed: MessageFeed) -> AsyncIterator[bytes]:
    """Yield every message as one server-sent event: all that is known, then each new one; a comment while there is none.

    Args:
        feed: what the device publishes.
    """
    queue = feed.listen()
    try:
        yield b"retry: 2000\n\n"
        while True:
            try:
                item = await asyncio.wait_for(queue.get(), _HEARTBEAT_S)
            except TimeoutError:
                yield b": nothing new\n\n"
                continue
            if item is None:
                return
            topic, payload = item
            yield b'data: {"topic":"%s","message":%s}\n\n' % (topic.encode(), payload)
    finally:
        feed.forget(queue)
