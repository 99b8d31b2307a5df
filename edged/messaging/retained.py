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
    """A message as a payload without header and in broker form.

    Attributes:
        body: the payload without its header, to compare it with the next one.
        message: the message in broker form.
        is_sent: whether the present connection has received it.
    """

    body: Header
    message: OutgoingMessage
    is_sent: bool = False


class RetainedMessages:
    """The retained messages. The supervisor's thread writes them; the publisher's thread calls `take_birth_messages`."""

    def __init__(self, topics: Topics, stamper: Stamper) -> None:
        self._topics = topics
        self._stamper = stamper
        self._lock = threading.Lock()
        self._messages: dict[str, _RetainedMessage] = {}
        self._has_unseen_connection = False

    def put(self, body: Header) -> None:
        """Make a message the newest of its topic; does nothing if it equals the previous one."""
        topic = self._topics.of(body)
        with self._lock:
            retained = self._messages.get(topic)
            if retained is None or retained.body != body:
                self._messages[topic] = _RetainedMessage(body, self.make_outgoing(body))

    def make_outgoing(self, body: Header) -> OutgoingMessage:
        """Return a retained message in broker form, with a header of now."""
        payload = encode(self._stamper.stamp(body))
        return OutgoingMessage(topic=self._topics.of(body), payload=payload, qos=1, retain=True)

    def take_birth_messages(self) -> Sequence[OutgoingMessage]:
        """Return all messages, in the order in which their topics were first put, for a new connection."""
        with self._lock:
            self._has_unseen_connection = True
            for retained in self._messages.values():
                retained.is_sent = True
                if isinstance(retained.body, OnlineStatus):
                    retained.message = self.make_outgoing(
                        retained.body
                    )  # its time is that of the connection
            return [retained.message for retained in self._messages.values()]

    @property
    def has_unseen_connection(self) -> bool:
        """True between `take_birth_messages` and `acknowledge_connection`: there is a connection unknown to the supervisor."""
        with self._lock:
            return self._has_unseen_connection

    def acknowledge_connection(self) -> None:
        """Take note that the supervisor knows of the connection."""
        with self._lock:
            self._has_unseen_connection = False

    def take_unsent(self) -> list[OutgoingMessage]:
        """Return the messages that the connection has not received, and count them as sent."""
        with self._lock:
            unsent = [retained for retained in self._messages.values() if not retained.is_sent]
            for retained in unsent:
                retained.is_sent = True
            return [retained.message for retained in unsent]

    def resend(self, body: Header) -> None:
        """Send the newest message of the topic of `body` once more."""
        with self._lock:
            self._messages[self._topics.of(body)].is_sent = False

    def make_final_messages(self, final: Sequence[Header] = ()) -> list[OutgoingMessage]:
        """Return the messages that are true after the daemon has stopped: every camera offline and empty, `final`, then `offline`."""
        with self._lock:
            states = [m.body for m in self._messages.values() if isinstance(m.body, CameraState)]
        final_states = [
            CameraState(
                camera=state.camera,
                online=False,
                zones={zone: {} for zone in state.zones},
                zones_active={zone: {} for zone in state.zones},
            )
            for state in states
        ]
        return [
            self.make_outgoing(body)
            for body in (*final_states, *final, OnlineStatus(status="offline"))
        ]
