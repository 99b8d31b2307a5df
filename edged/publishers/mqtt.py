"""A publisher for MQTT 5 or 3.1.1, over TCP or TLS.

The driver connects in a thread, the first time like every other, and reconnects with jittered pauses; everything else happens in the
loop's thread. It stores nothing: messages that were not acknowledged when the connection was lost must be published again by the caller.

Why a late will cannot overtake a birth message: every connection has the same client id, a clean start and no will delay. A broker
that still holds a dead connection of this id must end it, and publish its will, before it accepts the new one (MQTT 5, 3.1.4 and
3.1.2.5). The birth messages, status first, are published after that; then the driver subscribes to its topics, on every
connection. It never subscribes to a topic that it publishes on.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import msgspec

from edged.backoff import Backoff
from edged.clock import Deadline, SystemClock
from edged.event_loop import EventLoop, Timer
from edged.interfaces import Library, LinkChanged, Notice, OutgoingMessage
from edged.publishers.mqtt_connect import ConnectAttempt
from edged.publishers.mqtt_memory import BrokerMemory
from edged.publishers.mqtt_session import MqttSession
from edged.publishers.mqtt_session_end import SessionEnd
from edged.publishers.mqtt_settings import MqttSettings, broker_url

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_MAX_IN_FLIGHT = 20
_MIN_STABLE_S = 10.0
"""A connection that lasted this long was stable, and the pauses begin short again. (Two clients with the same id disconnect each
other at once, again and again; so does a broker at a message that it does not accept.)"""
_MIN_RETRY_S = 1.0

_log = logging.getLogger(__name__)


class MqttPublisher:
    """Keeps a connection to an MQTT broker, and publishes and receives through it."""

    Settings: ClassVar[type[msgspec.Struct]] = MqttSettings
    libraries: ClassVar[tuple[Library, ...]] = ()

    def __init__(
        self,
        settings: msgspec.Struct,
        *,
        loop: EventLoop,
        device: str,
        birth: Callable[[], Sequence[OutgoingMessage]],
        will: OutgoingMessage | None,
        on_notice: Callable[[Notice], None],
        subscriptions: Sequence[str] = (),
    ) -> None:
        assert isinstance(settings, MqttSettings)  # noqa: S101 (the loader guarantees it)
        self._settings = settings
        self._loop = loop
        self._client_id = settings.client_id or f"edged-{device}"
        self._birth = birth
        self._will = will
        self._on_notice = on_notice
        self._subscriptions = tuple(subscriptions)
        self._max_in_flight = _MAX_IN_FLIGHT
        # Later: what it notices may be noticed from within `publish`.
        self._memory = BrokerMemory(lambda notice: loop.call_soon(lambda: self._on_notice(notice)))
        self._backoff = Backoff(initial_s=_MIN_RETRY_S, max_s=settings.max_retry_s, min_share=0.25)
        self._attempt: ConnectAttempt | None = None
        self._retry_timer: Timer | None = None
        self._session: MqttSession | None = None
        self._last_link: LinkChanged | None = None
        self._stable_at: Deadline | None = None
        self._is_closing = False

    def start(self) -> None:
        """Begin to connect."""
        self._connect()

    def publish(self, message: OutgoingMessage, token: int | None = None) -> bool:
        """Send a message; return False if it was not taken."""
        session = self._session
        return session is not None and session.publish(message, token)

    def close(self, final_messages: Sequence[OutgoingMessage], timeout_s: float) -> None:
        """Publish `final_messages`, wait up to `timeout_s` for their acknowledgement, and disconnect without a will."""
        deadline = Deadline(SystemClock(), timeout_s)
        self._is_closing = True
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        if self._attempt is not None:
            self._attempt.abandon()
        if self._session is not None:
            self._session.finish(final_messages, deadline)
            self._session = None

    def _connect(self) -> None:
        self._stable_at = None
        self._attempt = ConnectAttempt(
            self._settings,
            loop=self._loop,
            client_id=self._client_id,
            will=self._will and self._memory.learned.read().fit(self._will),
            max_in_flight=self._max_in_flight,
            on_connected=self._on_connected,
            on_failed=lambda reason: self._on_end(SessionEnd(reason=reason)),
        )
        self._attempt.start()

    def _on_connected(self, client: "Client") -> None:
        self._session = MqttSession(
            client,
            self._settings,
            loop=self._loop,
            birth=self._birth,
            subscriptions=self._subscriptions,
            max_in_flight=self._max_in_flight,
            memory=self._memory,
            on_up=self._on_up,
            on_end=self._on_end,
            on_notice=self._on_notice,
        )
        self._session.start()

    def _on_end(self, end: SessionEnd) -> None:
        session, self._session = self._session, None
        if self._is_closing:
            return
        receive_maximum = None if session is None else session.receive_maximum
        if receive_maximum is not None and receive_maximum < self._max_in_flight:
            self._max_in_flight = receive_maximum
            _log.info("mqtt: %s", end.reason)
            self._connect()  # no fault: the same connection again, with the broker's limit
            return
        is_stable = self._stable_at is not None and self._stable_at.expired
        if is_stable:
            self._backoff.reset()
        self._report_link(LinkChanged(up=False, reason=end.reason))
        self._memory.learn_from(end, is_early=self._stable_at is not None and not is_stable)
        self._retry_timer = self._loop.call_later(self._backoff.next_wait_s(), self._connect)

    def _on_up(self) -> None:
        self._stable_at = Deadline(SystemClock(), _MIN_STABLE_S)
        self._report_link(LinkChanged(up=True))

    def _report_link(self, link: LinkChanged) -> None:
        if link == self._last_link:
            return
        self._last_link = link
        if link.up:
            _log.info("mqtt: connected to %s as %s", broker_url(self._settings), self._client_id)
        else:
            _log.warning("mqtt: not connected: %s", link.reason)
        self._on_notice(link)
