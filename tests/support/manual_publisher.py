"""A publisher without a broker: the test connects it and acknowledges its messages."""

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import msgspec

from edged.interfaces import (
    Delivered,
    Library,
    LinkChanged,
    Notice,
    OutgoingMessage,
    RoomAvailable,
)


class ManualPublisher:
    """A publisher that connects, disconnects and acknowledges when the test calls it.

    Attributes:
        sent: everything that was published over all connections, births and last messages included.
        has_room: whether messages without a token are taken.
        unacknowledged: tokens of the messages that are not acknowledged yet, in order.
    """

    Settings: ClassVar[type[msgspec.Struct]] = msgspec.Struct
    libraries: ClassVar[tuple[Library, ...]] = ()

    def __init__(
        self,
        birth: Callable[[], Sequence[OutgoingMessage]],
        will: OutgoingMessage,
        notify: Callable[[Notice], None],
    ) -> None:
        self.will = will
        self.sent: list[OutgoingMessage] = []
        self.has_room = True
        self.unacknowledged: list[int] = []
        self._birth = birth
        self._notify = notify
        self._is_up = False

    def start(self) -> None:
        pass

    def connect(self, *, notify: bool = True) -> None:
        self._is_up = True
        self.sent += self._birth()
        if notify:
            self.notify_up()

    def notify_up(self) -> None:
        self._notify(LinkChanged(up=True))

    def lose_connection(
        self, reason: str = "the connection was lost", *, notify: bool = True
    ) -> None:
        self._is_up = False
        self.unacknowledged.clear()
        if notify:
            self._notify(LinkChanged(up=False, reason=reason))

    def publish(self, message: OutgoingMessage, token: int | None = None) -> bool:
        is_taken = self._is_up and (self.has_room or token is not None)
        if is_taken:
            self.sent.append(message)
            if token is not None:
                self.unacknowledged.append(token)
        return is_taken

    def make_room(self) -> None:
        self.has_room = True
        self._notify(RoomAvailable())

    def acknowledge(self, error: str = "", count: int = 1, *, is_final: bool = False) -> None:
        for _ in range(count):
            self._notify(Delivered(self.unacknowledged.pop(0), error, is_final=is_final))

    def notify(self, notice: Notice) -> None:
        self._notify(notice)

    def close(self, last_words: Sequence[OutgoingMessage], timeout_s: float) -> None:  # noqa: ARG002 (a hand needs no time)
        self.sent += last_words if self._is_up else []
        self._is_up = False

    def take_sent(self, topic: str = "") -> list[dict[str, Any]]:
        """Return the messages since the last call, decoded, whose topic ends with `topic`."""
        taken, self.sent = self.sent, []
        return [json.loads(m.payload) for m in taken if m.topic.endswith(topic)]
