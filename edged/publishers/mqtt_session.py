"""One connection to a broker, from CONNECT to its end.

Each connection is a new paho client with a clean session: paho stores nothing that could be sent twice or out of order, and only
the spool knows which messages are unacknowledged. The network loop runs in the thread that calls `run`; `publish` only queues a
message and wakes that thread.
"""

import contextlib
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from edged.clock import Deadline, SystemClock
from edged.errors import PublishError
from edged.interfaces import Delivered, OutgoingMessage
from edged.publishers.mqtt_client import (
    connect_properties,
    describe_error,
    describe_reason_code,
    disconnect_with_will,
    make_client,
    release_client,
)
from edged.publishers.mqtt_limits import describe_properties, read_limits
from edged.publishers.mqtt_sender import MqttSender, PublishMemory
from edged.publishers.mqtt_session_end import SessionEnd, describe_hints, describe_loss
from edged.publishers.mqtt_settings import MqttSettings, broker_port, broker_url
from edged.publishers.mqtt_subscriptions import Subscriptions
from edged.redaction import redact_text

if TYPE_CHECKING:
    from paho.mqtt.client import Client, DisconnectFlags
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

_LOOP_S = 1.0
_PAHO_ERROR = 0x08
_ANSWER_AGE_S = 1.0
"""A message whose answer is that old has nothing to do with the end of the connection."""

_log = logging.getLogger(__name__)


class MqttSession:
    """One connection; used once. `publish`, `finish` and `abandon` may be called from any thread."""

    def __init__(
        self,
        settings: MqttSettings,
        *,
        client_id: str,
        will: OutgoingMessage | None,
        birth: Callable[[], Sequence[OutgoingMessage]],
        on_up: Callable[[], None],
        on_delivered: Callable[[Delivered], None],
        subscriptions: Subscriptions,
        max_in_flight: int,
        memory: PublishMemory,
    ) -> None:
        """Store the arguments; connect to nothing.

        Args:
            settings: the keys of [mqtt].
            client_id: the client id, the same in every session: the broker then ends a stale one, and publishes its will,
                before it accepts this one.
            will: the message that the broker publishes when this session ends in any other way than by `finish`.
            birth: returns the messages to publish before any other.
            on_up: called when the broker has accepted the session and the birth messages are queued.
            on_delivered: called for every acknowledgement of a message with a token.
            subscriptions: the session's subscriptions, made after the birth messages.
            max_in_flight: largest number of unacknowledged messages.
            memory: what earlier sessions have learned of the broker.
        """
        self._settings = settings
        self._client_id = client_id
        self._will = will
        self._birth = birth
        self._on_up = on_up
        self._sender = MqttSender(settings.protocol, memory=memory, on_delivered=on_delivered)
        self._memory = memory
        self._subscriptions = subscriptions
        self._max_in_flight = max_in_flight
        self.receive_maximum: int | None = None
        """Largest number of unacknowledged messages that the broker allows; None until it has accepted the session."""
        self._client: Client | None = None
        self._is_up = False
        self._is_abandoned = False
        self._end_reason: str | None = None
        self._last_error: str | None = None
        self._reason_code: int | None = None
        self._is_unanswered = False

    def run(self) -> SessionEnd:
        """Connect, serve the network until the connection ends, and return how it ended.

        Raises:
            PublishError: the broker cannot be reached, or the settings cannot be used.
        """
        client = self._client = self._make_client()
        try:
            client.connect(
                self._settings.host,
                broker_port(self._settings),
                keepalive=self._settings.keepalive_s,
                properties=connect_properties(self._settings),
            )
            self._serve(client)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise PublishError(f"{broker_url(self._settings)}: {describe_error(error)}") from error
        finally:
            self._is_up = False
            release_client(client)
        acknowledgements = self._sender.acknowledgements
        return SessionEnd(
            reason=f"{broker_url(self._settings)}: {self._end_reason}",
            reason_code=self._reason_code,
            is_unanswered=self._is_unanswered,
            first_unconfirmed=acknowledgements.first_unconfirmed,
            last_answer=acknowledgements.find_answer_since(time.monotonic() - _ANSWER_AGE_S),
        )

    def publish(self, message: OutgoingMessage, token: int | None = None) -> bool:
        """Queue a message; return False if the broker has not accepted the session, or the session has ended."""
        client = self._client
        return self._is_up and client is not None and self._sender.send(client, message, token)

    def finish(self, final_messages: Sequence[OutgoingMessage], timeout_s: float) -> None:
        """Publish `final_messages`, wait up to `timeout_s` for their acknowledgement, and disconnect.

        If they were not acknowledged, the broker publishes the will, because what it retains may not be true any more.
        """
        deadline = Deadline(SystemClock(), timeout_s)
        client, is_acknowledged = self._client, True
        if self._is_up and client is not None:
            for info in self._sender.send_final(client, final_messages):
                with contextlib.suppress(RuntimeError, ValueError):  # the connection was lost
                    info.wait_for_publish(deadline.remaining_s)
                is_acknowledged = is_acknowledged and info.is_published()
        self.abandon(with_will=not is_acknowledged)

    def abandon(self, *, with_will: bool = False) -> None:
        """Disconnect; a session that is not connected yet will not connect.

        Args:
            with_will: whether the broker is to publish the will.
        """
        self._is_abandoned = True
        self._end_reason = self._end_reason or "closed"
        if self._client is None:
            return
        if with_will:
            disconnect_with_will(self._client, self._settings.protocol)
        else:
            self._client.disconnect()

    def _make_client(self) -> "Client":
        will = self._will and self._memory.learned.read().fit(self._will)
        client = make_client(
            self._settings,
            client_id=self._client_id,
            will=will,
            max_in_flight=self._max_in_flight,
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._sender.on_publish
        client.on_subscribe = self._subscriptions.on_subscribe
        client.on_message = self._subscriptions.on_message
        client.on_log = self._on_log
        return client

    def _serve(self, client: "Client") -> None:
        timeout_s = self._settings.connect_timeout_s
        answer_deadline = Deadline(SystemClock(), timeout_s)
        while True:
            accepted = self._is_up
            code = client.loop(min(_LOOP_S, timeout_s))
            if code:
                self._end_reason = self._end_reason or describe_loss(
                    self._settings, self._last_error, is_accepted=accepted
                )
                return
            if self._is_up:
                self._sender.send_due(client)
                self._subscribe(client)
            elif answer_deadline.expired:
                hints = describe_hints(self._settings, self._last_error)
                self._end_reason = self._end_reason or f"the broker does not answer{hints}"
                return

    def _on_connect(
        self,
        client: "Client",
        _userdata: Any,
        _flags: Any,
        reason: "ReasonCode",
        properties: "Properties | None",
    ) -> None:
        if reason.is_failure:
            self._reason_code = reason.value
            words = describe_reason_code(reason, properties)
            self._end_reason = f"the broker refused the connection: {words}"
            return
        self.receive_maximum = getattr(properties, "ReceiveMaximum", 65_535)
        if self.receive_maximum < self._max_in_flight:
            # paho does not change its own limit on an open connection.
            self._end_reason = f"the broker allows only {self.receive_maximum} unacknowledged messages; reconnecting with that limit"
            client.disconnect()
            return
        if self._is_abandoned:
            client.disconnect()
            return
        self._begin(client, properties)

    def _begin(self, client: "Client", properties: "Properties | None") -> None:
        limits_text = describe_properties(properties)
        if limits_text:
            _log.info("mqtt: the broker's limits: %s", limits_text)
        announced = properties if self._settings.protocol == "5" else None
        limits = read_limits(announced, self._memory.learned.read())
        self._sender.begin(client, limits, self._birth())
        self._subscribe(client)
        self._is_up = True
        self._on_up()

    def _subscribe(self, client: "Client") -> None:
        self._subscriptions.subscribe(client, self._memory.held, self._sender.acknowledgements)

    def _on_disconnect(
        self,
        _client: "Client",
        _userdata: Any,
        flags: "DisconnectFlags",
        reason: "ReasonCode",
        properties: "Properties | None",
    ) -> None:
        self._is_up = False
        self._is_unanswered = str(reason) == "Keep alive timeout"
        if flags.is_disconnect_packet_from_server:
            self._reason_code = reason.value
            words = describe_reason_code(reason, properties)
            self._end_reason = f"the broker closed the connection: {words}"

    def _on_log(self, _client: "Client", _userdata: Any, level: int, text: str) -> None:
        """Store paho's log line for a failure of the network or of TLS, which paho reports nowhere else."""
        if level == _PAHO_ERROR:
            self._last_error = redact_text(text)
