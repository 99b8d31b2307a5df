"""Messages in the form of other systems, beside edged's own.

They are live, as those systems' own messages are: the spool holds none of them. A state (a count, an availability) is sent again on every
connection. Without a connection the newest event of each object waits and is repeated when there is one, so that no object that another system
knows stays open there; an object that begins and ends meanwhile is left out.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from edged.interfaces import Dialect, ForeignMessage, OutgoingMessage
from edged.messaging.contract.header import Header, Stamper
from edged.messaging.contract.messages import CameraState, Event

_log = logging.getLogger(__name__)

_MAX_UNSENT = 1000
"""Limit of what waits while the broker does not keep up: the oldest is dropped."""

Publish = Callable[[OutgoingMessage], bool]
"""Sends a message; returns False if it was not taken."""


class DialectMessages:
    """The messages of all dialects, those that wait for a connection included."""

    def __init__(self, dialects: Mapping[str, Dialect], stamper: Stamper) -> None:
        """Begin without a connection.

        Args:
            dialects: the dialects by name.
            stamper: fills in headers.
        """
        self._dialects = dialects
        self._stamper = stamper
        self._is_link_up = False
        self._states: dict[str, OutgoingMessage] = {}
        """The newest message of each topic that is a state."""
        self._unsent: deque[OutgoingMessage] = deque(maxlen=_MAX_UNSENT)
        self._waiting: dict[str, Event] = {}
        """The newest event of each object since the connection was lost."""
        self._begun: set[str] = set()
        """Those of these objects that began since then."""
        self._failed: set[str] = set()
        for dialect in dialects.values():
            self._take(dialect.begin())

    def repeat(self, message: Header, publish: Publish) -> None:
        """Send what the dialects make of a message of the contract, or let it wait.

        Args:
            message: the message; its header is filled in here.
            publish: sends a message; returns False if it was not taken.
        """
        if not self._is_link_up and not isinstance(message, CameraState):
            if isinstance(message, Event):
                self._hold(message)
            return
        for live in self._take(self._translate(message)):
            if not self._unsent:  # it must not overtake an earlier one
                publish(live)
        self.send(publish)

    def take_birth_messages(self) -> Sequence[OutgoingMessage]:
        """Return the states, for a new connection."""
        topics = self._states.keys()
        self._unsent = deque((m for m in self._unsent if m.topic not in topics), _MAX_UNSENT)
        return list(self._states.values())

    def set_link(self, publish: Publish | None) -> None:
        """Take note that a connection was made, and send what waits; or, with None, that it was lost."""
        self._is_link_up = publish is not None
        if publish is None:
            return
        waiting, self._waiting = self._waiting, {}
        self._begun.clear()
        for event in waiting.values():
            self._take(self._translate(event))
        self.send(publish)

    def send(self, publish: Publish) -> None:
        """Send what waits, in order, until one is not taken."""
        unsent = self._unsent
        while unsent and self._is_link_up and publish(unsent[0]):
            unsent.popleft()

    def finish(self, states: Iterable[CameraState], publish: Publish) -> None:
        """Send what holds after the daemon has stopped.

        Args:
            states: what is then true of the cameras.
            publish: sends a message; returns False if it was not taken.
        """
        for state in states if self._dialects else ():
            self._take(self._translate(state))
        for dialect in self._dialects.values():
            self._take(dialect.end())
        self.send(publish)

    def _hold(self, event: Event) -> None:
        if event.type == "end" and event.id in self._begun:
            self._begun.discard(event.id)
            self._waiting.pop(event.id, None)
            return
        if event.type == "start":
            self._begun.add(event.id)
        self._waiting[event.id] = event

    def _take(self, foreign: Iterable[ForeignMessage]) -> list[OutgoingMessage]:
        """Let messages wait to be sent; return those that must not wait, because they would be old soon."""
        live: list[OutgoingMessage] = []
        for one in foreign:
            message = one.message
            if one.is_state:
                if self._states.get(message.topic) == message:
                    continue
                self._states[message.topic] = message
            if message.qos == 0:
                live.append(message)
            elif self._is_link_up:
                self._unsent.append(message)
        return live

    def _translate(self, message: Header) -> list[ForeignMessage]:
        """Return what all dialects say; the fault of one disturbs neither the others nor edged's own messages."""
        foreign: list[ForeignMessage] = []
        stamped = self._stamper.stamp(message)
        for name, dialect in self._dialects.items():
            try:
                foreign += dialect.translate(stamped)
            except Exception:  # noqa: BLE001 (no fault of a driver may end the loop)
                if name not in self._failed:
                    self._failed.add(name)
                    kind = type(message).__name__
                    _log.exception("dialect.%s: a message (%s) is left out", name, kind)
        return foreign
