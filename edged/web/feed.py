"""The messages of the device, as the web process has them: the newest of each topic, the last events, the log, and their listeners."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

_MAX_EVENTS = 200
_MAX_LINES = 300
_MAX_WAITING = 1000
"""Messages that wait for one browser; one that does not keep up is disconnected, and connects again."""


class MessageFeed:
    """The messages of the device, newest of each topic."""

    def __init__(self) -> None:
        self._newest: dict[str, bytes] = {}
        self._events: deque[tuple[str, bytes]] = deque(maxlen=_MAX_EVENTS)
        self._lines: deque[tuple[str, bytes]] = deque(maxlen=_MAX_LINES)
        self._listeners: set[asyncio.Queue[tuple[str, bytes] | None]] = set()

    def add(self, topic: str, payload: bytes) -> None:
        """Take a message.

        Args:
            topic: the topic below ``up/``.
            payload: JSON.
        """
        if topic.endswith("/events"):
            self._events.append((topic, payload))
        elif topic == "log":
            self._lines.append((topic, payload))
        else:
            self._newest[topic] = payload
        for queue in tuple(self._listeners):
            if queue.qsize() < _MAX_WAITING:
                queue.put_nowait((topic, payload))
            else:
                self._listeners.discard(queue)
                queue.put_nowait(None)

    def find(self, topic: str) -> Mapping[str, Any] | None:
        """Return the newest message of a topic; None if there was none."""
        payload = self._newest.get(topic)
        if payload is None:
            return None
        message: Mapping[str, Any] = msgspec.json.decode(payload)
        return message

    def listen(self) -> "asyncio.Queue[tuple[str, bytes] | None]":
        """Return a queue of all that is known, and then of each message; None ends it."""
        queue: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue()
        for topic, payload in (*self._newest.items(), *self._events, *self._lines):
            if not topic.endswith("/detections"):
                queue.put_nowait((topic, payload))
        self._listeners.add(queue)
        return queue

    def forget(self, queue: "asyncio.Queue[tuple[str, bytes] | None]") -> None:
        """End what `listen` began."""
        self._listeners.discard(queue)

    def close(self) -> None:
        """End every listener."""
        for queue in self._listeners:
            queue.put_nowait(None)
        self._listeners.clear()
