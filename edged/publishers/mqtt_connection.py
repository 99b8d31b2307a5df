"""A paho client that the loop drives: it reads, writes and keeps time by paho's own functions, in the loop's thread.

paho calls back from within its functions, where it must not be called; so what it reports is noted down, and handed on when the function
has returned.
"""

import logging
import select
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from edged.event_loop import EventLoop
from edged.publishers.mqtt_client import release_client
from edged.redaction import redact_text

if TYPE_CHECKING:
    from paho.mqtt.client import Client, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

PINGREQ = b"\xc0\x00"
"""MQTT 5 and 3.1.1, 3.12. paho has no function that sends one."""
_MAX_READS = 16
"""Reads in a row; the rest waits until other descriptors had their turn."""

_log = logging.getLogger(__name__)


class ConnectionEvents(Protocol):
    """What a connection reports, from callbacks of the loop."""

    def on_connack(self, reason: "ReasonCode", properties: "Properties | None") -> None:
        """Take the broker's answer to CONNECT."""

    def on_answer(self, packet_id: int, reason: "ReasonCode") -> None:
        """Take the broker's answer to a message of QoS 1."""

    def on_suback(self, packet_id: int, reason_codes: "list[ReasonCode]") -> None:
        """Take the broker's answer to a subscription."""

    def on_message(self, message: "MQTTMessage") -> None:
        """Take a message that has arrived."""

    def on_turn(self, *, has_read: bool) -> None:
        """Take note that the connection was served: something was read, or there is room again."""

    def on_lost(self) -> None:
        """Take note that the connection has ended; nothing else is reported after it."""


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
        self._calls: list[Callable[[], None]] = []
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
        self.last_error: str | None = None
        """paho's words for a failure of the network or of TLS, or ours for an unexpected one; None if there was none."""
        self.is_unanswered = False
        """Whether nothing came from the broker any more."""
        self.broker_reason: tuple[ReasonCode, Properties | None] | None = None
        """The broker's reason for the end; None if it gave none."""

    def start(self) -> None:
        """Serve the socket from now on."""
        client = self._client
        client.enable_logger(_ErrorLog(self._note_error))
        client.on_connect = self._note_connack
        client.on_disconnect = self._note_disconnect
        client.on_subscribe = self._note_suback
        client.on_message = self._note_message
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
        self._calls.clear()
        self._loop.unwatch(self._fd)
        release_client(self._client)

    def _on_readable(self) -> None:
        if self.is_lost:  # an earlier callback of this pass has ended it
            return
        client = self._client
        # Only here: with this callback set, paho makes two costly values for every message of QoS 0 that it writes.
        client.on_publish = self._note_answer
        self._call_paho(self._read)
        client.on_publish = None
        self._make_calls()
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
            self.last_error = "unexpected error; see the log"
            code = 1
        if (code or self._client.socket() is None) and not self.is_lost:
            self.is_lost = True
            self._loop.call_soon(self._report_lost)

    def _report_lost(self) -> None:
        self._make_calls()
        self._loop.unwatch(self._fd)
        release_client(self._client)
        self._events.on_lost()

    def _make_calls(self) -> None:
        if self._calls:
            calls, self._calls = self._calls, []
            for call in calls:
                call()

    def _note_connack(
        self,
        _client: "Client",
        _userdata: Any,
        _flags: Any,
        reason: "ReasonCode",
        properties: "Properties | None",
    ) -> None:
        self._calls.append(partial(self._events.on_connack, reason, properties))

    def _note_answer(
        self, _client: "Client", _userdata: Any, packet_id: int, reason: "ReasonCode", _: Any
    ) -> None:
        self._calls.append(partial(self._events.on_answer, packet_id, reason))

    def _note_suback(
        self, _client: "Client", _userdata: Any, packet_id: int, codes: Any, _: Any
    ) -> None:
        self._calls.append(partial(self._events.on_suback, packet_id, codes))

    def _note_message(self, _client: "Client", _userdata: Any, message: "MQTTMessage") -> None:
        self._calls.append(partial(self._events.on_message, message))

    def _note_disconnect(
        self,
        _client: "Client",
        _userdata: Any,
        flags: "DisconnectFlags",
        reason: "ReasonCode",
        properties: "Properties | None",
    ) -> None:
        self.is_unanswered = str(reason) == "Keep alive timeout"
        if flags.is_disconnect_packet_from_server:
            self.broker_reason = (reason, properties)

    def _note_error(self, text: str) -> None:
        self.last_error = redact_text(text)


class _ErrorLog(logging.Logger):
    """Takes paho's log lines for failures of the network or of TLS, which paho reports nowhere else.

    A logger, not paho's `on_log`: for that paho formats a line for each packet.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__("paho", logging.ERROR)
        self._note = note

    def handle(self, record: logging.LogRecord) -> None:
        """Note a line, and write it nowhere."""
        self._note(record.getMessage())
