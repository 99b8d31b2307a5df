"""A publisher whose broker is the test: it takes what it is given and answers when told to."""

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import msgspec

from edged.interfaces import Delivered, Link, Notice, Outgoing


class HandPublisher:
    """Connects, loses the connection and answers on command.

    Attributes:
        sent: everything that was published, over all connections, births and last words included.
        waiting: tokens that have no answer yet, in the order in which they came.
    """

    Settings: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(
        self,
        birth: Callable[[], Sequence[Outgoing]],
        will: Outgoing,
        notify: Callable[[Notice], None],
    ) -> None:
        self.will = will
        self.sent: list[Outgoing] = []
        self.waiting: list[int] = []
        self._birth = birth
        self._notify = notify
        self._up = False

    def start(self) -> None:
        pass

    def connect(self, *, tell: bool = True) -> None:
        self._up = True
        self.sent += self._birth()
        if tell:
            self.tell_up()

    def tell_up(self) -> None:
        self._notify(Link(up=True))

    def lose(self, reason: str = "the connection was lost", *, tell: bool = True) -> None:
        self._up = False
        self.waiting.clear()
        if tell:
            self._notify(Link(up=False, reason=reason))

    def publish(self, message: Outgoing, token: int | None = None) -> bool:
        if self._up:
            self.sent.append(message)
            if token is not None:
                self.waiting.append(token)
        return self._up

    def answer(self, error: str = "", count: int = 1) -> None:
        for _ in range(count):
            self._notify(Delivered(self.waiting.pop(0), error))

    def tell(self, notice: Notice) -> None:
        self._notify(notice)

    def close(self, last_words: Sequence[Outgoing], timeout_s: float) -> None:  # noqa: ARG002 (a hand needs no time)
        self.sent += last_words if self._up else []
        self._up = False

    def take(self, topic: str = "") -> list[dict[str, Any]]:
        """What was sent since the last `take`, decoded; only topics that end so."""
        taken, self.sent = self.sent, []
        return [json.loads(m.payload) for m in taken if m.topic.endswith(topic)]
