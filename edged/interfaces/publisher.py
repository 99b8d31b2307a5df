"""The interface of a publisher: a driver that sends messages, and the notices that it gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import msgspec

from edged.interfaces.library import Library

if TYPE_CHECKING:
    from edged.event_loop import EventLoop


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message in broker form.

    Attributes:
        topic: the complete topic.
        payload: JSON or JPEG bytes.
        qos: 0 or 1.
        retain: True if the broker is to keep it.
        correlation: MQTT 5 correlation data, by which the sender of a request recognises its answer; None for none.
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The state of a publisher's connection changed.

    Attributes:
        up: True if it is connected.
        reason: why it is not connected, in words; None while it is.
    """

    up: bool
    reason: str | None = None


class Delivered(msgspec.Struct, frozen=True):
    """The broker acknowledged or refused a message.

    Attributes:
        token: the token that the message was published with.
        error: why the broker refused the message; None if it accepted it.
        is_final: True if the message was refused and can never pass, because of its size for example.
    """

    token: int
    error: str | None = None
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class RoomAvailable:
    """A message that `Publisher.publish` did not take, although there is a connection, may be handed over again."""


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message arrived.

    Attributes:
        topic: the complete topic.
        payload: the bytes as they arrived, not validated.
        retained: True if the broker had kept the message; False if it was sent just now.
        response_topic: topic on which the sender expects an answer (MQTT 5); None if it does not say.
        correlation: what that answer is to carry (MQTT 5); None for nothing.
    """

    topic: str
    payload: bytes
    retained: bool
    response_topic: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionRefused:
    """The broker refused a subscription: no message on it will arrive over this connection.

    Attributes:
        topic: the topic filter.
        reason: why, in words.
    """

    topic: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConsumerClosed:
    """The only consumer is gone for good, as the reader of a pipe: the daemon ends.

    Attributes:
        reason: what is gone, in words.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class PublishLimited:
    """The broker does not accept some messages, or not as they should be sent; holds over connections until the reason is None.

    Attributes:
        subject: the topic whose messages are left out, or the name of the broker's limit.
        reason: why and with which effect, in words; None when that has ended.
    """

    subject: str
    reason: str | None


Notice = (
    LinkChanged
    | Delivered
    | RoomAvailable
    | MessageReceived
    | SubscriptionRefused
    | PublishLimited
    | ConsumerClosed
)
"""An event that a publisher reports."""


class Publisher(Protocol):
    """A driver that sends messages and, for a few topics, receives them.

    One thread uses it, that of the loop. It never blocks that thread: it waits in the loop, or in threads of its own.
    """

    Settings: ClassVar[type[msgspec.Struct]]
    """The keys of the configuration table with the driver's name."""
    libraries: ClassVar[tuple[Library, ...]]
    """What the driver imports when it is opened, beside edged's own dependencies."""

    def __init__(
        self,
        settings: msgspec.Struct,
        *,
        loop: "EventLoop",
        device: str,
        birth: Callable[[], Sequence[OutgoingMessage]],
        will: OutgoingMessage | None,
        on_notice: Callable[[Notice], None],
        subscriptions: Sequence[str] = (),
    ) -> None:
        """Store the arguments; connect to nothing.

        Args:
            settings: an instance of `Settings`.
            loop: the loop that makes every call of the publisher.
            device: the device's name, for the client id.
            birth: called on every connection; returns the messages to publish before any other.
            will: the message that the broker publishes when the connection is lost.
            on_notice: called with every notice from a callback of the loop, never from within `publish`; must return at once.
            subscriptions: topic filters to subscribe to on every connection; nothing that is published here may match one.
                A publisher that cannot receive ignores them.
        """

    def start(self) -> None:
        """Begin to connect; a broker that is down is no error."""

    def publish(self, message: OutgoingMessage, token: int | None = None) -> bool:
        """Send one message.

        With a token the outcome is reported as `Delivered`, and the message is taken whenever there is a connection: the caller
        bounds how many are unacknowledged. Messages that the broker has not acknowledged when the connection is lost get no
        `Delivered`: the caller publishes them again after the next `LinkChanged(up=True)`.

        Returns:
            False if the message was not taken: there is no connection; or, for a message without a token, the consumer does not keep up
            or gives no sign of life, and `RoomAvailable` follows, or `LinkChanged(up=False)`; or the broker's limits leave a live one out.
        """

    def close(self, final_messages: Sequence[OutgoingMessage], timeout_s: float) -> None:
        """Publish `final_messages`, wait up to `timeout_s` for their acknowledgement, and disconnect cleanly (no will).

        It runs the loop while it waits; call it outside the loop's callbacks.
        """
