"""One connection to a broker, from CONNECT to its end.

Each connection is a new paho client with a clean session: paho stores nothing that could be sent twice or out of order, and only
the spool knows which messages are unacknowledged. The network loop runs in the thread that calls `run`; `publish` only queues a
message and wakes that thread.
"""

import contextlib
import ssl
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from edged.clock import Deadline, SystemClock
from edged.errors import PublishError
from edged.host.certificates import describe_alert
from edged.interfaces import Delivered, OutgoingMessage
from edged.publishers.mqtt_acknowledgements import Acknowledgements, SentMessage
from edged.publishers.mqtt_client import (
    connect_properties,
    describe_error,
    describe_reason_code,
    make_client,
    release_client,
)
from edged.publishers.mqtt_settings import MqttSettings, broker_port, broker_url
from edged.publishers.mqtt_subscriptions import Subscriptions
from edged.redaction import redact_text

if TYPE_CHECKING:
    from paho.mqtt.client import Client, DisconnectFlags
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

_LOOP_S = 1.0
_PAHO_ERROR = 0x08


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
        """
        self._settings = settings
        self._client_id = client_id
        self._will = will
        self._birth = birth
        self._on_up = on_up
        self._acknowledgements = Acknowledgements(on_delivered)
        self._subscriptions = subscriptions
        self._max_in_flight = max_in_flight
        self.receive_maximum: int | None = None
        """Largest number of unacknowledged messages that the broker allows, if that is less than `max_in_flight`; otherwise None."""
        self._client: Client | None = None
        self._is_up = False
        self._is_abandoned = False
        self._end_reason: str | None = None
        self._last_error: str | None = None

    def run(self) -> str:
        """Connect, serve the network until the connection ends, and return the reason why it ended.

        Raises:
            PublishError: the broker cannot be reached, or the settings cannot be used.
        """
        client = self._client = self._make_client()
        try:
            self._connect(client)
            self._serve(client)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise PublishError(f"{broker_url(self._settings)}: {describe_error(error)}") from error
        finally:
            self._is_up = False
            release_client(client)
        return f"{broker_url(self._settings)}: {self._end_reason}"

    def publish(self, message: OutgoingMessage, token: int | None = None) -> bool:
        """Queue a message; return False if the broker has not accepted the session, or the session has ended."""
        return self._is_up and self._enqueue(message, token) is not None

    def finish(self, final_messages: Sequence[OutgoingMessage], timeout_s: float) -> None:
        """Publish `final_messages`, wait up to `timeout_s` for their acknowledgement, and disconnect without a will."""
        deadline = Deadline(SystemClock(), timeout_s)
        if self._is_up:
            for info in [self._enqueue(message, None) for message in final_messages]:
                with contextlib.suppress(RuntimeError, ValueError):  # the connection was lost
                    if info is not None:
                        info.wait_for_publish(deadline.remaining_s)
        self.abandon()

    def abandon(self) -> None:
        """Disconnect; a session that is not connected yet will not connect."""
        self._is_abandoned = True
        self._end_reason = self._end_reason or "closed"
        if self._client is not None:
            self._client.disconnect()

    def _make_client(self) -> "Client":
        client = make_client(
            self._settings,
            client_id=self._client_id,
            will=self._will,
            max_in_flight=self._max_in_flight,
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._subscriptions.on_subscribe
        client.on_message = self._subscriptions.on_message
        client.on_log = self._on_log
        return client

    def _connect(self, client: "Client") -> None:
        client.connect(
            self._settings.host,
            broker_port(self._settings),
            keepalive=self._settings.keepalive_s,
            properties=connect_properties(self._settings),
        )

    def _serve(self, client: "Client") -> None:
        answer_deadline = Deadline(SystemClock(), self._settings.connect_timeout_s)
        while True:
            accepted = self._is_up
            code = client.loop(min(_LOOP_S, self._settings.connect_timeout_s))
            if code:
                self._end_reason = self._end_reason or self._describe_loss(accepted=accepted)
                return
            if not self._is_up and answer_deadline.expired:
                self._end_reason = (
                    self._end_reason or f"the broker does not answer{self._describe_hints()}"
                )
                return

    def _describe_loss(self, *, accepted: bool) -> str:
        cause = f" ({self._last_error})" if self._last_error else ""
        if accepted:
            return f"the connection was lost{cause}"
        return (
            f"the connection was closed before the broker answered{cause}{self._describe_hints()}"
        )

    def _describe_hints(self) -> str:
        if alert := describe_alert(self._last_error or ""):
            return f"; the broker says that {alert}; check mqtt.tls.cert and mqtt.tls.key"
        hints = []
        if self._settings.tls is None:
            hints.append("if the broker expects TLS, add [mqtt.tls]")
        if self._settings.protocol == "5":
            hints.append('if the broker supports only MQTT 3.1.1, set mqtt.protocol = "3.1.1"')
        return "".join(f"; {hint}" for hint in hints)

    def _on_connect(
        self,
        client: "Client",
        _userdata: Any,
        _flags: Any,
        reason: "ReasonCode",
        properties: "Properties | None",
    ) -> None:
        if reason.is_failure:
            self._end_reason = f"the broker refused the connection: {describe_reason_code(reason)}"
            return
        allowed = getattr(properties, "ReceiveMaximum", self._max_in_flight)
        if allowed < self._max_in_flight:
            self.receive_maximum = allowed
            self._end_reason = f"the broker allows only {allowed} unacknowledged messages; reconnecting with that limit"
            client.disconnect()
            return
        if self._is_abandoned:
            client.disconnect()
            return
        for message in self._birth():
            self._enqueue(message, None)
        self._subscriptions.subscribe(client)
        self._is_up = True
        self._on_up()

    def _on_disconnect(
        self,
        _client: "Client",
        _userdata: Any,
        flags: "DisconnectFlags",
        reason: "ReasonCode",
        _properties: "Properties | None",
    ) -> None:
        self._is_up = False
        if flags.is_disconnect_packet_from_server:
            self._end_reason = f"the broker closed the connection: {describe_reason_code(reason)}"

    def _on_log(self, _client: "Client", _userdata: Any, level: int, text: str) -> None:
        """Store paho's log line for a failure of the network or of TLS, which paho reports nowhere else."""
        if level == _PAHO_ERROR:
            self._last_error = redact_text(text)

    def _enqueue(self, message: OutgoingMessage, token: int | None) -> Any:
        """Queue a message with paho; return its `MQTTMessageInfo`, or None if there is no connection."""
        client = self._client
        if client is None:
            return None
        info = client.publish(message.topic, message.payload, message.qos, message.retain)
        if info.rc:
            return None
        self._acknowledgements.record_sent(info.mid, SentMessage(message.topic, token))
        return info

    def _on_publish(
        self,
        _client: "Client",
        _userdata: Any,
        packet_id: int,
        reason: "ReasonCode",
        _properties: "Properties | None",
    ) -> None:
        self._acknowledgements.record_ack(packet_id, str(reason) if reason.is_failure else None)
