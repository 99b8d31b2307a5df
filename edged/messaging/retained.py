"""The newest message of each retained topic."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from edged.interfaces import OutgoingMessage
from edged.messaging.contract.header import Header, Stamper, encode
from edged.messaging.contract.messages import CameraState, OnlineStatus
from edged.messaging.contract.topics import Topics


@dataclass(slots=True)
class _RetainedMessage:
    """A message without its header, in broker form, and whether the present connection was given it."""

    body: Header
    message: OutgoingMessage
    is_sent: bool = False


class RetainedMessages:
    """Written by the supervisor's thread; `take_birth_messages` reads it from the publisher's."""

    def __init__(self, topics: Topics, stamper: Stamper) -> None:
        self._topics = topics
        self._stamper = stamper
        self._lock = threading.Lock()
        self._messages: dict[str, _RetainedMessage] = {}
        self._has_unseen_connection = False

    def put(self, body: Header) -> None:
        """Make a message the newest of its topic; does nothing if it says the same as the last one."""
        topic = self._topics.of(body)
        with self._lock:
            kept = self._messages.get(topic)
            if kept is None or kept.body != body:
                self._messages[topic] = _RetainedMessage(body, self.make_outgoing(body))

    def make_outgoing(self, body: Header) -> OutgoingMessage:
        """A retained message in broker form, with its header as of now."""
        payload = encode(self._stamper.stamp(body))
        return OutgoingMessage(topic=self._topics.of(body), payload=payload, qos=1, retain=True)

    def take_birth_messages(self) -> Sequence[OutgoingMessage]:
        """All of them, in the order in which they were first put, for a new connection."""
        with self._lock:
            self._has_unseen_connection = True
            for kept in self._messages.values():
                kept.is_sent = True
                if isinstance(kept.body, OnlineStatus):
                    kept.message = self.make_outgoing(kept.body)  # it dates from this connection
            return [kept.message for kept in self._messages.values()]

    @property
    def has_unseen_connection(self) -> bool:
        """Whether there is a connection that the supervisor has not heard of: `birth` was called since `seen`."""
        with self._lock:
            return self._has_unseen_connection

    def acknowledge_connection(self) -> None:
        """The supervisor has heard of the connection."""
        with self._lock:
            self._has_unseen_connection = False

    def take_unsent(self) -> list[OutgoingMessage]:
        """What the connection was not given yet; it counts as given from now on."""
        with self._lock:
            waiting = [kept for kept in self._messages.values() if not kept.is_sent]
            for kept in waiting:
                kept.is_sent = True
            return [kept.message for kept in waiting]

    def resend(self, body: Header) -> None:
        """Send the newest message of the topic of `body` once more."""
        with self._lock:
            self._messages[self._topics.of(body)].is_sent = False

    def make_final_messages(self) -> list[OutgoingMessage]:
        """What is true when the daemon is gone: every camera offline and empty, then `offline`."""
        with self._lock:
            states = [k.body for k in self._messages.values() if isinstance(k.body, CameraState)]
        ends = [
            CameraState(
                camera=state.camera,
                online=False,
                zones={zone: {} for zone in state.zones},
                zones_active={zone: {} for zone in state.zones},
            )
            for state in states
        ]
        return [self.make_outgoing(body) for body in (*ends, OnlineStatus(status="offline"))]
