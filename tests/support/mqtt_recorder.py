"""A subscriber that can be asked for what came after a moment."""

from collections.abc import Callable
from typing import Any

from support.subscriber import MqttSubscriber, ReceivedMessage

Body = dict[str, Any]


class MqttRecorder(MqttSubscriber):
    """Moments are counts of messages: `position` is one."""

    def position(self) -> int:
        """How many messages have come."""
        return len(self.messages())

    def await_message(
        self,
        topic: str,
        matches: Callable[[Body], object] = lambda _: True,
        *,
        after: int = 0,
        timeout_s: float = 20.0,
    ) -> Body:
        """The first message whose topic ends so, whose body fits, and which came after that moment."""

        def found(messages: list[ReceivedMessage]) -> Body | None:
            bodies = (m.json for m in messages[after:] if m.topic.endswith(topic) and m.payload)
            return next((body for body in bodies if matches(body)), None)

        self.wait_until(lambda me: found(me.messages()) is not None, timeout_s)
        body = found(self.messages())
        assert body is not None
        return body

    def await_event(self, kind: str, *, after: int = 0, timeout_s: float = 20.0) -> Body:
        """An object event of that type."""
        return self.await_message(
            "/events", lambda body: body["type"] == kind, after=after, timeout_s=timeout_s
        )

    def await_status(self, status: str, timeout_s: float = 20.0) -> None:
        """The device says so of itself."""
        self.await_message("/status", lambda body: body["status"] == status, timeout_s=timeout_s)

    def await_health(self, matches: Callable[[Body], object], *, after: int = 0) -> Body:
        """A health message that fits."""
        return self.await_message("/health", matches, after=after)
