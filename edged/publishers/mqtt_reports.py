"""What a paho client reports: noted down within paho's functions, and handed on after them.

paho calls back from within its functions, where it must not be called.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from edged.redaction import redact_text

if TYPE_CHECKING:
    from paho.mqtt.client import Client, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode


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


class PahoReports:
    """Takes the callbacks of one client."""

    def __init__(self, events: ConnectionEvents) -> None:
        """Begin without reports.

        Args:
            events: receives what happens, when `hand_on` is called.
        """
        self._events = events
        self._calls: list[Callable[[], None]] = []
        self.last_error: str | None = None
        """paho's words for a failure of the network or of TLS; None if there was none."""
        self.is_unanswered = False
        """Whether the connection has ended because nothing came from the broker any more."""
        self.broker_reason: tuple[ReasonCode, Properties | None] | None = None
        """The broker's reason for the end; None if it gave none."""

    def listen_to(self, client: "Client") -> None:
        """Take the client's reports; those of answers to messages only where its owner sets `note_answer`."""
        client.enable_logger(_ErrorLog(self._note_error))
        client.on_connect = self._note_connack
        client.on_disconnect = self._note_disconnect
        client.on_subscribe = self._note_suback
        client.on_message = self._note_message

    def hand_on(self) -> None:
        """Hand on what was reported, in its order."""
        if self._calls:
            calls, self._calls = self._calls, []
            for call in calls:
                call()

    def drop(self) -> None:
        """Forget what was reported."""
        self._calls.clear()

    def _note_connack(
        self,
        _client: "Client",
        _userdata: Any,
        _flags: Any,
        reason: "ReasonCode",
        properties: "Properties | None",
    ) -> None:
        self._calls.append(partial(self._events.on_connack, reason, properties))

    def note_answer(
        self, _client: "Client", _userdata: Any, packet_id: int, reason: "ReasonCode", _: Any
    ) -> None:
        """Note the answer to a message of QoS 1; paho's `on_publish`."""
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
