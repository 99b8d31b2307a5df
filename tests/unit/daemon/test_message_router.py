"""Messages reach only what has subscribed to their topic."""

import pytest

from edged.daemon.message_router import MessageRouter
from edged.interfaces import MessageReceived


@pytest.mark.parametrize(
    ("topic", "receiver"),
    [
        ("down/desired", "desired"),
        ("down/cmd/detect", "commands"),
        ("down/cmd/model.rollback", "commands"),
        ("down/cmd/detect/more", None),
        ("down/cmd", None),
        ("down/other", None),
        ("", None),
    ],
)
def test_a_message_on_any_other_topic_is_ignored(topic: str, receiver: str | None) -> None:
    received: list[tuple[str, str]] = []
    router = MessageRouter()
    router.add("down/desired", lambda message: received.append(("desired", message.topic)))
    router.add("down/cmd/+", lambda message: received.append(("commands", message.topic)))
    router.route(MessageReceived(topic, b"{}", retained=False))
    assert received == ([] if receiver is None else [(receiver, topic)])
