"""The listening sockets of the page and the metrics: the supervisor opens and keeps them, and whoever serves inherits them."""

import errno
import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress

from edged.event_loop import EventLoop, Timer
from edged.web.messages import Listener

_log = logging.getLogger(__name__)

_RETRY_S = 10.0
_BACKLOG = 64
_REASONS = {
    errno.EADDRINUSE: "another program uses it",
    errno.EADDRNOTAVAIL: "this device has no such address",
    errno.EACCES: "ports below 1024 need a privilege that edged does not have: choose a higher one",
}


class WebListeners:
    """Sockets that the loop watches for a first connection."""

    def __init__(
        self,
        addresses: Mapping[str, str],
        *,
        loop: EventLoop,
        on_connection: Callable[[], object],
        on_problem: Callable[[str | None], object],
    ) -> None:
        """Open none yet.

        Args:
            addresses: address and port, by purpose: page or metrics.
            loop: the supervisor's loop.
            on_connection: called when there is a connection to accept, from a callback of the loop.
            on_problem: called with the reason why an address cannot be used; None once all can.
        """
        self._missing = dict(addresses)
        self._loop = loop
        self._on_connection = on_connection
        self._on_problem = on_problem
        self._sockets: dict[str, socket.socket] = {}
        self._retry: Timer | None = None
        self._is_watching = False

    def open(self) -> None:
        """Listen; an address that cannot be used is tried again every ten seconds."""
        problems = []
        for purpose, address in tuple(self._missing.items()):
            try:
                self._sockets[purpose] = _listen(address)
            except OSError as error:
                reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
                problems.append(f"[{purpose}] listen = {address}: {reason}")
            else:
                del self._missing[purpose]
                _log.info("%s: listens on %s", purpose, address)
        self._on_problem("; ".join(problems) or None)
        if problems:
            self._retry = self._loop.call_later(_RETRY_S, self.open)
        if self._is_watching:
            self.watch()

    def watch(self) -> None:
        """Wait for a connection."""
        self._is_watching = True
        for listener in self._sockets.values():
            self._loop.watch(listener.fileno(), self._on_connection)

    def unwatch(self) -> None:
        """Leave the connections to the process that serves."""
        self._is_watching = False
        for listener in self._sockets.values():
            self._loop.unwatch(listener.fileno())

    def close(self) -> None:
        """Close the sockets."""
        self.unwatch()
        if self._retry is not None:
            self._retry.cancel()
        for listener in self._sockets.values():
            listener.close()
        self._sockets.clear()

    @property
    def inheritable(self) -> tuple[Listener, ...]:
        """The open sockets, for the process that serves."""
        return tuple(
            Listener(purpose="page" if purpose == "page" else "metrics", descriptor=one.fileno())
            for purpose, one in self._sockets.items()
        )


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            with suppress(OSError):
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host.strip("[]"), int(port)))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
