"""What the broker does not accept: subscriptions until the connection ends, messages until the publisher revokes it."""

import re
from collections.abc import Mapping

from edged.interfaces import PublishLimited, SubscriptionRefused

_OBJECT = re.compile(r"/snapshot/[^/]+\Z")
"""The pictures of each object have a topic of their own: they are one restriction."""


class Restrictions:
    """The present restrictions."""

    def __init__(self) -> None:
        self._refused_subscriptions: dict[str, str] = {}
        self._publish_limits: dict[str, str] = {}

    def record(self, notice: SubscriptionRefused | PublishLimited) -> None:
        """Take note of a restriction, or that one has ended."""
        match notice:
            case SubscriptionRefused(topic, reason):
                self._refused_subscriptions[topic] = reason
            case PublishLimited(subject, None):
                self._publish_limits.pop(subject, None)
            case PublishLimited(subject, str() as reason):
                self._publish_limits[subject] = reason

    def end_connection(self) -> None:
        """Take note that the connection, and with it every subscription, is another."""
        self._refused_subscriptions.clear()

    @property
    def publish_limits(self) -> str | None:
        """The limits on messages, in words; None if there are none."""
        return _join(self._publish_limits)

    @property
    def refused_subscriptions(self) -> str | None:
        """The refused subscriptions, in words; None if there are none."""
        return _join(self._refused_subscriptions)


def _join(reasons: Mapping[str, str]) -> str | None:
    lines = (
        f"{_OBJECT.sub('/snapshot/…', subject)}: {reason}" for subject, reason in reasons.items()
    )
    return "; ".join(dict.fromkeys(lines)) or None
