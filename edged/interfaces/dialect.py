"""The interface of a dialect: a driver that repeats messages in the form of another system."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from msgspec import Struct

from edged.interfaces.publisher import OutgoingMessage


class ForeignMessage(Struct, frozen=True):
    """A message in a dialect.

    Attributes:
        message: the message in broker form; its topic is not one of edged's own.
        is_state: True if it holds until the next one of its topic: it is sent again on every new connection. The payload of a deleted state is
            empty.
    """

    message: OutgoingMessage
    is_state: bool = False


class Dialect(Protocol):
    """A driver that repeats messages. It is pure: values in, values out, with the state that its form needs.

    One thread uses it, that of the loop, between an event and its publication: it must be quick, and it waits for nothing.
    """

    Settings: ClassVar[type[Struct]]
    """The keys of the table [dialect.NAME]; `enabled` is one of them."""

    def __init__(self, settings: Struct, *, device: str) -> None:
        """Begin without objects.

        Args:
            settings: an instance of `Settings`.
            device: the device's name.
        """

    def begin(self) -> Sequence[ForeignMessage]:
        """Return what holds while the daemon runs; called once, first."""

    def translate(self, message: Struct) -> Sequence[ForeignMessage]:
        """Return what a message says in this dialect.

        Events arrive in their order, but some are left out: without a connection only the newest of each object arrives, after the connection was
        made, and none of an object that began and ended meanwhile.

        Args:
            message: a payload of the contract with its header; the dialect ignores those that it does not know.
        """

    def end(self) -> Sequence[ForeignMessage]:
        """Return what holds after the daemon has stopped; called once, last."""
