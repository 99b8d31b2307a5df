"""The newest message of each retained topic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edged.interfaces import OutgoingMessage
from edged.messaging.contract.header import Header, Stamper, encode
from edged.messaging.contract.messages import CameraState, OnlineStatus
from edged.messaging.contract.topics import Topics


@dataclass(slots=True)
class _RetainedMessage:
    """A message as a payload without header and in broker form.

    Attributes:
        body: the payload without its header, to compare it with the next one; the message itself if it has none.
        message: the message in broker form.
        is_sent: whether the present connection has taken it.
    """

    body: Header | OutgoingMessage
    message: OutgoingMessage
    is_sent: bool = False


class RetainedMessages:
    """The retained messages; one that the publisher does not take waits here, and a newer one of its topic replaces it."""

    def __init__(self, topics: Topics, stamper: Stamper) -> None:
        self._topics = topics
        self._stamper = stamper
        self._messages: dict[str, _RetainedMessage] = {}
        self._has_unsent = False

    def put(self, body: Header | OutgoingMessage) -> None:
        """Make a message the newest of its topic; does nothing if it equals the previous one."""
        topic = body.topic if isinstance(body, OutgoingMessage) else self._topics.of(body)
        retained = self._messages.get(topic)
        if retained is None or retained.body != body:
            message = body if isinstance(body, OutgoingMessage) else self.make_outgoing(body)
            self._messages[topic] = _RetainedMessage(body, message)
            self._has_unsent = True

    @property
    def messages(self) -> list[OutgoingMessage]:
        """All messages, in the order in which their topics were first put."""
        return [retained.message for retained in self._messages.values()]

    def find(self, topic: str) -> OutgoingMessage | None:
        """Return the newest message of a topic; None if there is none."""
        retained = self._messages.get(topic)
        return None if retained is None else retained.message

    def make_outgoing(self, body: Header) -> OutgoingMessage:
        """Return a retained message in broker form, with a header of now."""
        payload = encode(self._stamper.stamp(body))
        return OutgoingMessage(topic=self._topics.of(body), payload=payload, qos=1, retain=True)

    def take_birth_messages(self) -> Sequence[OutgoingMessage]:
        """Return all messages, in the order in which their topics were first put, for a new connection."""
        self._has_unsent = False
        for retained in self._messages.values():
            retained.is_sent = True
            if isinstance(retained.body, OnlineStatus):
                retained.message = self.make_outgoing(
                    retained.body
                )  # its time is that of the connection
        return self.messages

    def send_unsent(self, publish: Callable[[OutgoingMessage], bool]) -> None:
        """Send the messages that the connection has not taken, until one is not taken.

        Args:
            publish: sends a message; returns False if it was not taken.
        """
        if not self._has_unsent:
            return
        for retained in self._messages.values():
            if not retained.is_sent:
                if not publish(retained.message):
                    return
                retained.is_sent = True
        self._has_unsent = False

    def resend(self, body: Header) -> None:
        """Send the newest message of the topic of `body` once more."""
        self._messages[self._topics.of(body)].is_sent = False
        self._has_unsent = True

    def resend_all(self) -> None:
        """Send all messages once more."""
        for retained in self._messages.values():
            retained.is_sent = False
        self._has_unsent = True

    def make_final_states(self) -> list[CameraState]:
        """Return what is true of the cameras after the daemon has stopped: each is offline and empty."""
        states = [m.body for m in self._messages.values() if isinstance(m.body, CameraState)]
        return [
            CameraState(
                camera=state.camera,
                online=False,
                zones={zone: {} for zone in state.zones},
                zones_active={zone: {} for zone in state.zones},
            )
            for state in states
        ]

    def make_final_messages(self, final: Sequence[Header] = ()) -> list[OutgoingMessage]:
        """Return the messages that are true after the daemon has stopped: every camera offline and empty, `final`, then `offline`."""
        bodies = (*self.make_final_states(), *final, OnlineStatus(status="offline"))
        return [self.make_outgoing(body) for body in bodies]
