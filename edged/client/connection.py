"""The connection of a client to a broker: a thread that connects, subscribes and receives, and goes on after every loss."""

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edged.backoff import Backoff
from edged.client.notices import LinkDown, LinkNotice, LinkUp, TopicRefused
from edged.errors import PublishError
from edged.publishers.mqtt_client import (
    describe_error,
    describe_reason_code,
    make_client,
    release_client,
)
from edged.publishers.mqtt_settings import MqttSettings, broker_port, broker_url

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.properties import Properties

_log = logging.getLogger(__name__)

_MAX_IN_FLIGHT = 20
_WAIT_S = 0.2
_FIRST_PAUSE_S = 0.5
_CLOSE_TIMEOUT_S, _ABANDON_TIMEOUT_S = 5.0, 0.5
KEEP_SESSION_S = 3600
"""How long a broker keeps what arrives while this client is not connected, with MQTT 5; a broker may keep it for less."""


@dataclass(frozen=True, slots=True)
class ArrivedMessage:
    """A message as it arrived.

    Attributes:
        topic: its topic.
        payload: its payload.
        retained: whether the broker had kept it.
    """

    topic: str
    payload: bytes
    retained: bool


class BrokerConnection:
    """Connects in a thread of its own until it is closed.

    `on_message` may block: the next message is read, and this one acknowledged, when it returns.
    """

    def __init__(
        self,
        settings: MqttSettings,
        topic_filters: Sequence[str],
        *,
        on_message: Callable[[ArrivedMessage], object],
        on_link: Callable[[LinkNotice], object],
    ) -> None:
        """Connect to nothing yet.

        Args:
            settings: the broker and the login. With a client id the broker keeps what arrives while the program does not run.
            topic_filters: what to subscribe to, with QoS 1.
            on_message: called with each message, in the thread.
            on_link: called when the connection changes, in the thread.
        """
        self._settings = settings
        self._topic_filters = topic_filters
        self._on_message = on_message
        self._on_link = on_link
        self._is_durable = settings.client_id is not None
        self._client_id = settings.client_id or f"edged-client-{secrets.token_hex(6)}"
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._client: Client | None = None
        self.number = 0
        """Number of the present connection, or of the last one."""
        self._is_resumed = False
        self._reason = ""
        self._backoff = Backoff(initial_s=_FIRST_PAUSE_S, max_s=settings.max_retry_s, min_share=0.2)
        self._thread = threading.Thread(target=self._run, name="edged-client", daemon=True)

    def start(self) -> None:
        """Begin to connect.

        Raises:
            PublishError: a password, certificate or key file cannot be used.
        """
        release_client(self._make_client())
        self._thread.start()

    @property
    def is_closing(self) -> bool:
        """True once `close` was called."""
        return self._closing.is_set()

    def publish(
        self, topic: str, payload: bytes, *, response_topic: str | None, correlation: bytes
    ) -> bool:
        """Send a message with QoS 1; return False if there is no connection.

        Args:
            topic: its topic.
            payload: its payload.
            response_topic: where the answer is expected, with MQTT 5; None for nowhere.
            correlation: what the answer on that topic is to carry.
        """
        with self._lock:
            client = self._client
        if client is None:
            return False
        properties = None
        if response_topic is not None and self._settings.protocol == "5":
            properties = make_properties("PUBLISH")
            properties.ResponseTopic = response_topic
            properties.CorrelationData = correlation
        return client.publish(topic, payload, qos=1, properties=properties).rc == 0

    def close(self) -> None:
        """End the connection and the thread; the broker forgets a client without an id of its own."""
        self._closing.set()
        with self._lock:
            is_connected = self._client is not None
        # A thread that waits for a host that does not answer is left to itself: it ends with the process.
        if self._thread.is_alive():
            self._thread.join(_CLOSE_TIMEOUT_S if is_connected else _ABANDON_TIMEOUT_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            reason = self._run_connection()
            if not self._closing.is_set():
                self._on_link(LinkDown(reason=reason))
                self._closing.wait(self._backoff.next_wait_s())

    def _run_connection(self) -> str:
        """Connect, and receive until the connection ends; return why it ended."""
        self._reason = ""
        is_ending = False
        try:
            client = self._make_client()
        except PublishError as error:
            return str(error)
        try:
            self._connect(client)
            while client.loop(_WAIT_S) == 0:
                if self._closing.is_set() and not is_ending:
                    is_ending = True
                    client.disconnect(properties=self._properties("DISCONNECT"))
        except (OSError, ValueError) as error:
            return f"{broker_url(self._settings)}: {describe_error(error)}"
        except Exception:  # noqa: BLE001 (an error that is not foreseen must not end the client)
            _log.exception("the connection ended with an unexpected error")
            return f"{broker_url(self._settings)}: unexpected error; see the log"
        finally:
            with self._lock:
                self._client = None
            release_client(client)
        return f"{broker_url(self._settings)}: {self._reason or 'the connection was lost'}"

    def _make_client(self) -> "Client":
        client = make_client(
            self._settings,
            client_id=self._client_id,
            will=None,
            max_in_flight=_MAX_IN_FLIGHT,
            clean_session=not self._is_durable,
        )
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_arrival
        return client

    def _connect(self, client: "Client") -> None:
        from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY

        client.connect(
            self._settings.host,
            broker_port(self._settings),
            keepalive=self._settings.keepalive_s,
            # paho refuses any other value with MQTT 3.1.1.
            clean_start=False if self._settings.protocol == "5" else MQTT_CLEAN_START_FIRST_ONLY,
            properties=self._properties("CONNECT"),
        )

    def _properties(self, packet: str) -> "Properties | None":
        """Return how long the broker is to keep the session, with MQTT 5."""
        if self._settings.protocol != "5":
            return None
        properties = make_properties(packet)
        if packet == "CONNECT" or not self._is_durable:
            properties.SessionExpiryInterval = KEEP_SESSION_S if packet == "CONNECT" else 0
        return properties

    def _on_connect(
        self, client: "Client", _userdata: object, flags: Any, reason: Any, properties: Any
    ) -> None:
        if reason.is_failure:
            self._reason = f"refused: {describe_reason_code(reason, properties)}"
            return
        self._is_resumed = bool(flags.session_present)
        client.subscribe([(topic_filter, 1) for topic_filter in self._topic_filters])

    def _on_subscribe(
        self, client: "Client", _userdata: object, _mid: int, reasons: Any, properties: Any
    ) -> None:
        for topic_filter, reason in zip(self._topic_filters, reasons, strict=False):
            if reason.is_failure:
                words = describe_reason_code(reason, properties)
                self._on_link(TopicRefused(topic_filter=topic_filter, reason=words))
        self._backoff.reset()
        with self._lock:
            self._client = client
            self.number += 1
        self._on_link(LinkUp(is_resumed=self._is_resumed))

    def _on_disconnect(
        self, _client: object, _userdata: object, _flags: Any, reason: Any, properties: Any
    ) -> None:
        if not self._reason and reason.is_failure:
            self._reason = describe_reason_code(reason, properties)

    def _on_arrival(self, _client: object, _userdata: object, message: "MQTTMessage") -> None:
        with contextlib.suppress(UnicodeDecodeError):  # a topic that is no text is none of a device
            self._on_message(
                ArrivedMessage(message.topic, bytes(message.payload), bool(message.retain))
            )


def make_properties(packet: str) -> "Properties":
    """Return empty properties of an MQTT 5 packet, CONNECT for example."""
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    return Properties(getattr(PacketTypes, packet))  # type: ignore[no-untyped-call]  # paho's, untyped
