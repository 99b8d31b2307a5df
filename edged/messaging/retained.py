"""The newest message of each retained topic."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from edged.interfaces import Outgoing
from edged.messaging.contract.header import Header, Stamper, encode
from edged.messaging.contract.messages import CameraState, Status
from edged.messaging.contract.topics import Topics


@dataclass(slots=True)
class _Kept:
    """A message without its header, in broker form, and whether the present connection was given it."""

    body: Header
    message: Outgoing
    sent: bool = False


class Retained:
    """Written by the supervisor's thread; `birth` reads it from the publisher's."""

    def __init__(self, topics: Topics, stamper: Stamper) -> None:
        self._topics = topics
        self._stamper = stamper
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._unseen_connection = False

    def put(self, body: Header) -> None:
        """Make a message the newest of its topic; does nothing if it says the same as the last one."""
        topic = self._topics.of(body)
        with self._lock:
            kept = self._kept.get(topic)
            if kept is None or kept.body != body:
                self._kept[topic] = _Kept(body, self.outgoing(body))

    def outgoing(self, body: Header) -> Outgoing:
        """A retained message in broker form, with its header as of now."""
        payload = encode(self._stamper.stamp(body))
        return Outgoing(topic=self._topics.of(body), payload=payload, qos=1, retain=True)

    def birth(self) -> Sequence[Outgoing]:
        """All of them, in the order in which they were first put, for a new connection."""
        with self._lock:
            self._unseen_connection = True
            for kept in self._kept.values():
                kept.sent = True
                if isinstance(kept.body, Status):
                    kept.message = self.outgoing(kept.body)  # it dates from this connection
            return [kept.message for kept in self._kept.values()]

    @property
    def unseen_connection(self) -> bool:
        """Whether there is a connection that the supervisor has not heard of: `birth` was called since `seen`."""
        with self._lock:
            return self._unseen_connection

    def seen(self) -> None:
        """The supervisor has heard of the connection."""
        with self._lock:
            self._unseen_connection = False

    def unsent(self) -> list[Outgoing]:
        """What the connection was not given yet; it counts as given from now on."""
        with self._lock:
            waiting = [kept for kept in self._kept.values() if not kept.sent]
            for kept in waiting:
                kept.sent = True
            return [kept.message for kept in waiting]

    def again(self, body: Header) -> None:
        """Send the newest message of the topic of `body` once more."""
        with self._lock:
            self._kept[self._topics.of(body)].sent = False

    def last_words(self) -> list[Outgoing]:
        """What is true when the daemon is gone: every camera offline and empty, then `offline`."""
        with self._lock:
            states = [k.body for k in self._kept.values() if isinstance(k.body, CameraState)]
        ends = [
            CameraState(
                camera=state.camera,
                online=False,
                zones={zone: {} for zone in state.zones},
                zones_active={zone: {} for zone in state.zones},
            )
            for state in states
        ]
        return [self.outgoing(body) for body in (*ends, Status(status="offline"))]
