"""The control requests that wait for the model store, in the order in which they came."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edged.clock import NS_PER_S, Clock
from edged.updates.service.control_messages import ControlRequest, ControlResponse
from edged.updates.service.control_socket import PendingControlRequest

MAX_WAITING = 16
"""People and playbooks send one request after the other."""
MAX_WAIT_S = 20.0
"""Less than a client waits for its response."""


@dataclass(frozen=True, slots=True)
class _WaitingRequest:
    pending: PendingControlRequest
    came_ns: int


class RequestLine:
    """Requests that are carried out one after the other; one that waits for too long is refused."""

    def __init__(self, clock: Clock, make_response: Callable[[str], ControlResponse]) -> None:
        """Begin without a request.

        Args:
            clock: the clock of the waiting.
            make_response: returns the response with this error, or without one for "".
        """
        self._clock = clock
        self._make_response = make_response
        self._waiting: deque[_WaitingRequest] = deque()
        self._begun: _WaitingRequest | None = None

    @property
    def next_request(self) -> ControlRequest | None:
        """The request that is to be carried out next; None if none waits."""
        return self._waiting[0].pending.request if self._waiting else None

    def add(self, pending: PendingControlRequest) -> None:
        """Let a request wait; with too many, refuse it."""
        if len(self._waiting) >= MAX_WAITING:
            pending.reply(self._make_response("too many requests wait for the model store"))
        else:
            self._waiting.append(_WaitingRequest(pending, self._clock.monotonic_ns()))

    def begin(self) -> None:
        """Note that the next request is being carried out."""
        self._begun = self._waiting.popleft()

    def finish(self, response: ControlResponse) -> None:
        """Respond to the request that was carried out, unless its client was told that this takes too long."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.pending.reply(response)

    def refuse_overdue(self) -> None:
        """Refuse what has waited for too long, so that no client waits in vain."""
        due_ns = self._clock.monotonic_ns() - int(MAX_WAIT_S * NS_PER_S)
        if self._begun is not None and self._begun.came_ns <= due_ns:
            begun, self._begun = self._begun, None
            begun.pending.reply(
                self._make_response(
                    "the disk of the model store does not answer: the request is carried out when it does; `edged model status` shows it"
                )
            )
        while self._waiting and self._waiting[0].came_ns <= due_ns:
            self._waiting.popleft().pending.reply(
                self._make_response(
                    "the disk of the model store does not answer: nothing was changed; try again later"
                )
            )
