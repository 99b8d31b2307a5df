"""A subscriber that finds messages after a position in what it has received."""

from collections.abc import Callable
from typing import Any

from support.subscriber import MqttSubscriber, ReceivedMessage

Body = dict[str, Any]


class MqttRecorder(MqttSubscriber):
    """A subscriber that records; a position is a count of received messages."""

    def position(self) -> int:
        """Return the number of messages so far."""
        return len(self.messages())

    def await_message(
        self,
        topic: str,
        matches: Callable[[Body], object] = lambda _: True,
        *,
        after: int = 0,
        timeout_s: float = 20.0,
    ) -> Body:
        """Wait for a message, and return its body.

        Args:
            topic: end of its topic.
            matches: returns whether a body is the expected one.
            after: only messages after this position count.
            timeout_s: how long to wait.
        """

        def found(messages: list[ReceivedMessage]) -> Body | None:
            bodies = (m.json for m in messages[after:] if m.topic.endswith(topic) and m.payload)
            return next((body for body in bodies if matches(body)), None)

        self.wait_until(lambda me: found(me.messages()) is not None, timeout_s)
        body = found(self.messages())
        assert body is not None
        return body

    def await_event(self, kind: str, *, after: int = 0, timeout_s: float = 20.0) -> Body:
        """Wait for an object event of this type.

        Args:
            kind: the type.
            after: only messages after this position count.
            timeout_s: how long to wait.
        """
        return self.await_message(
            "/events", lambda body: body["type"] == kind, after=after, timeout_s=timeout_s
        )

    def await_status(self, status: str, timeout_s: float = 20.0) -> None:
        """Wait for this status of the device."""
        self.await_message("/status", lambda body: body["status"] == status, timeout_s=timeout_s)

    def await_health(self, matches: Callable[[Body], object], *, after: int = 0) -> Body:
        """Wait for a health message that matches."""
        return self.await_message("/health", matches, after=after)
