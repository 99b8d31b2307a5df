"""The supervisor's inbox: what happens beside the frames, as frozen values, on its way to the supervisor."""

from collections.abc import Callable
from dataclasses import dataclass

from edged.event_loop import EventLoop
from edged.interfaces import ConsumerClosed, MessageReceived
from edged.updates.installer.messages import InstallFinished, InstallProgress
from edged.updates.service.control_socket import PendingControlRequest


@dataclass(frozen=True, slots=True)
class SignalReceived:
    """A signal to the daemon."""

    number: int


@dataclass(frozen=True, slots=True)
class ReloadRequested:
    """The configuration is to be read again.

    Attributes:
        on_reloaded: gets why the new configuration is invalid; None if it is valid.
    """

    on_reloaded: Callable[[str | None], object]


@dataclass(frozen=True, slots=True)
class RestartRequested:
    """The daemon is to end, and to start again."""


InboxItem = (
    SignalReceived
    | ReloadRequested
    | RestartRequested
    | MessageReceived
    | ConsumerClosed
    | PendingControlRequest
    | InstallProgress
    | InstallFinished
)


class Inbox:
    """Hands items over to the supervisor's thread."""

    def __init__(self, loop: EventLoop) -> None:
        """Begin without a receiver: items wait for it.

        Args:
            loop: the supervisor's loop.
        """
        self._loop = loop
        self._receive: Callable[[InboxItem], None] | None = None

    def set_receiver(self, receive: Callable[[InboxItem], None]) -> None:
        """Hand every item to `receive`, in the loop's thread; call it before the loop runs."""
        self._receive = receive

    def put(self, item: InboxItem) -> None:
        """Hand an item over; callable from any thread and from a signal handler."""
        self._loop.call_soon(lambda: self._deliver(item))

    def _deliver(self, item: InboxItem) -> None:
        assert self._receive is not None, "the inbox has no receiver"  # noqa: S101
        self._receive(item)
