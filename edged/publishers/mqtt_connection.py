"""A paho client that the loop drives: it reads, writes and keeps time by paho's own functions, in the loop's thread."""

import logging
import select
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from edged.event_loop import EventLoop
from edged.publishers.mqtt_client import release_client
from edged.publishers.mqtt_reports import ConnectionEvents, PahoReports

if TYPE_CHECKING:
    from paho.mqtt.client import Client

PINGREQ = b"\xc0\x00"
"""MQTT 5 and 3.1.1, 3.12. paho has no function that sends one."""
_MAX_READS = 16
"""Reads in a row; the rest waits until other descriptors had their turn."""

_log = logging.getLogger(__name__)


class MqttConnection:
    """One connected client, until its socket is closed."""

    def __init__(self, client: "Client", *, loop: EventLoop, events: ConnectionEvents) -> None:
        """Serve nothing yet.

        Args:
            client: paho's client, with a connected socket.
            loop: the loop.
            events: receives what happens.
        """
        self._client = client
        self._loop = loop
        self._events = events
        self.reports = PahoReports(events)
        """What paho has reported."""
        connection = client.socket()
        assert isinstance(connection, socket.socket)  # noqa: S101 (the transport is TCP)
        self._socket = connection
        self._fd = connection.fileno()
        self._readable = select.poll()
        self._owed = b""
        """The part of a packet past paho that is not written yet; it must be written before anything else."""
        self._is_room_watched = False
        self.is_lost = False
        """Whether the connection has ended, or is about to be reported as ended."""

    def start(self) -> None:
        """Serve the socket from now on."""
        client = self._client
        self.reports.listen_to(client)
        client.on_socket_close = lambda *_: self._loop.unwatch(self._fd)
        self._readable.register(self._fd, select.POLLIN)
        self._loop.watch(self._fd, self._on_readable)
        self.flush()

    @property
    def has_room(self) -> bool:
        """Whether everything is written."""
        return not (self.is_lost or self._owed or self._client.want_write())

    @property
    def has_input(self) -> bool:
        """Whether something is there to be read."""
        return bool(self._readable.poll(0))

    def flush(self) -> None:
        """Write what is queued, unless something is there to be read: that may be the reason why the broker ends the connection."""
        if not (self.is_lost or self.has_input):
            self.write()

    def write(self) -> None:
        """Write what is queued, as far as the socket has room; the rest follows when there is room."""
        if self.is_lost or (self._owed and not self._write_owed()):
            return
        if self._client.want_write():
            self._call_paho(self._client.loop_write)
        self._watch_room()

    def write_past_paho(self, packets: bytes) -> bool:
        """Write packets that paho does not have to know of, as far as the socket has room; the rest follows before anything else.

        Args:
            packets: whole packets.

        Returns:
            False, and nothing is written, if paho has something to write.
        """
        if not self.has_room:
            return False
        self._owed = packets
        if not self._write_owed():
            self._watch_room()
        return True

    def keep_alive(self) -> None:
        """Send paho's PINGREQ, or end the connection, when either is due."""
        if not self.is_lost:
            self._call_paho(self._client.loop_misc)
            self.flush()

    def close(self) -> None:
        """Close the socket, and report nothing any more."""
        self.is_lost = True
        self.reports.drop()
        self._loop.unwatch(self._fd)
        release_client(self._client)

    def _on_readable(self) -> None:
        if self.is_lost:  # an earlier callback of this pass has ended it
            return
        client = self._client
        # Only here: with this callback set, paho makes two costly values for every message of QoS 0 that it writes.
        client.on_publish = self.reports.note_answer
        self._call_paho(self._read)
        client.on_publish = None
        self.reports.hand_on()
        self.flush()
        if not self.is_lost:
            self._events.on_turn(has_read=True)

    def _read(self) -> int:
        """Read until nothing is left in memory: the loop watches the socket, and does not see what TLS has decrypted."""
        code: int = self._client.loop_read()
        for _ in range(_MAX_READS):
            if code or self._client.socket() is None or not self._has_decrypted():
                return code
            code = self._client.loop_read()
        self._loop.call_soon(self._on_readable)
        return code

    def _has_decrypted(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _on_writable(self) -> None:
        if self.is_lost:
            return
        self.write()
        if isinstance(self._socket, ssl.SSLSocket):  # it may have needed room to go on reading
            self._on_readable()
        elif not self.is_lost:
            self._events.on_turn(has_read=False)

    def _write_owed(self) -> bool:
        """Write what is owed; return whether nothing of it is left."""
        try:
            self._owed = self._owed[self._socket.send(self._owed) :]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            self._owed = b""  # paho finds the error as well, and reports it
        return not self._owed

    def _watch_room(self) -> None:
        if self.is_lost:
            return
        is_wanted = bool(self._owed) or self._client.want_write()
        if is_wanted is not self._is_room_watched:
            self._is_room_watched = is_wanted
            self._loop.watch(self._fd, self._on_readable, self._on_writable if is_wanted else None)

    def _call_paho(self, function: Callable[[], int]) -> None:
        """Call one of paho's functions that serve the network, and find out whether the connection has ended."""
        try:
            code = function()
        except Exception:  # noqa: BLE001 (a packet that paho cannot parse must end this connection only)
            _log.exception("mqtt: the connection failed with an unexpected error")
            self.reports.last_error = "unexpected error; see the log"
            code = 1
        if (code or self._client.socket() is None) and not self.is_lost:
            self.is_lost = True
            self._loop.call_soon(self._report_lost)

    def _report_lost(self) -> None:
        self.reports.hand_on()
        self._loop.unwatch(self._fd)
        release_client(self._client)
        self._events.on_lost()
