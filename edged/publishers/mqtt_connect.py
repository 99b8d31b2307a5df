"""One attempt to reach a broker: name resolution, TCP and TLS wait, so they have a thread of their own."""

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from edged.errors import PublishError
from edged.event_loop import EventLoop
from edged.interfaces import OutgoingMessage
from edged.publishers.mqtt_client import (
    connect_properties,
    describe_error,
    make_client,
    release_client,
)
from edged.publishers.mqtt_settings import MqttSettings, broker_port, broker_url

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_log = logging.getLogger(__name__)


class ConnectAttempt:
    """Connects in a thread, and reports in the loop's thread; used once."""

    def __init__(
        self,
        settings: MqttSettings,
        *,
        loop: EventLoop,
        client_id: str,
        will: OutgoingMessage | None,
        max_in_flight: int,
        on_connected: Callable[["Client"], None],
        on_failed: Callable[[str], None],
    ) -> None:
        """Store the arguments; connect to nothing.

        Args:
            settings: the keys of [mqtt].
            loop: makes the calls below.
            client_id: the client id.
            will: the message that the broker publishes when the connection is lost.
            max_in_flight: largest number of unacknowledged messages.
            on_connected: called with the client; its socket is connected, and CONNECT is queued, not written.
            on_failed: called with the reason in words.
        """
        self._settings = settings
        self._loop = loop
        self._client_id = client_id
        self._will = will
        self._max_in_flight = max_in_flight
        self._on_connected = on_connected
        self._on_failed = on_failed
        self._lock = threading.Lock()
        self._is_abandoned = False
        self._outcome: Client | str | None = None

    def start(self) -> None:
        """Begin, in a thread that does not keep the process from ending."""
        threading.Thread(target=self._run, name="mqtt-connect", daemon=True).start()

    def abandon(self) -> None:
        """Report nothing any more, and close what was connected."""
        with self._lock:
            self._is_abandoned = True
            outcome, self._outcome = self._outcome, None
        if outcome is not None and not isinstance(outcome, str):
            release_client(outcome)

    def _run(self) -> None:
        outcome = self._connect()
        with self._lock:
            if not self._is_abandoned:
                self._outcome = outcome
                self._loop.call_soon(self._report)
                return
        if not isinstance(outcome, str):
            release_client(outcome)

    def _connect(self) -> "Client | str":
        try:
            return self._open_client()
        except PublishError as error:
            return str(error)
        except (OSError, ssl.SSLError, ValueError) as error:
            return f"{broker_url(self._settings)}: {describe_error(error)}"
        except Exception:  # noqa: BLE001 (an error that is not foreseen must not end the attempts to connect)
            _log.exception("mqtt: connecting failed with an unexpected error")
            return f"{broker_url(self._settings)}: unexpected error; see the log"

    def _open_client(self) -> "Client":
        client = make_client(
            self._settings,
            client_id=self._client_id,
            will=self._will,
            max_in_flight=self._max_in_flight,
        )
        try:
            client.connect(
                self._settings.host,
                broker_port(self._settings),
                keepalive=self._settings.keepalive_s,
                properties=connect_properties(self._settings),
            )
            connection = client.socket()
            assert isinstance(connection, socket.socket)  # noqa: S101 (the transport is TCP)
            # Otherwise a message waits until the broker's host has confirmed the one before: up to 40 ms.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            release_client(client)
            raise
        return client

    def _report(self) -> None:
        with self._lock:
            outcome, self._outcome = self._outcome, None
        if isinstance(outcome, str):
            self._on_failed(outcome)
        elif outcome is not None:
            self._on_connected(outcome)
