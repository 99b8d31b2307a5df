"""A publisher for MQTT 5 or 3.1.1, over TCP or TLS.

The driver connects in the background, the first time like every other, and reconnects with jittered pauses. It stores nothing:
messages that were not acknowledged when the connection was lost must be published again by the caller.

Why a late will cannot overtake a birth message: every connection has the same client id, a clean start and no will delay. A broker
that still holds a dead connection of this id must end it, and publish its will, before it accepts the new one (MQTT 5, 3.1.4 and
3.1.2.5). The birth messages, status first, are published after that; then the driver subscribes to its topics, on every
connection. It never subscribes to a topic that it publishes on.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import ClassVar

import msgspec

from edged.backoff import Backoff
from edged.clock import Deadline, SystemClock
from edged.errors import PublishError
from edged.interfaces import Delivered, Library, LinkChanged, Notice, OutgoingMessage
from edged.publishers.mqtt_early_ends import MIN_ENDS, Suspicion
from edged.publishers.mqtt_sender import PublishMemory
from edged.publishers.mqtt_session import MqttSession
from edged.publishers.mqtt_session_end import SessionEnd
from edged.publishers.mqtt_settings import MqttSettings, broker_url
from edged.publishers.mqtt_subscriptions import Subscriptions

_MAX_IN_FLIGHT = 20
_MIN_STABLE_S = 10.0
"""A connection that lasted this long was stable, and the pauses begin short again. (Two clients with the same id disconnect each
other at once, again and again; so does a broker at a message that it does not accept.)"""
_REFUSAL_CODES = {0x87, 0x90, 0x95, 0x97, 0x99}
"""Reasons of an end that blame one message: Not authorized, Topic name invalid, Packet too large, Quota exceeded, Payload format invalid."""

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
        device: str,
        birth: Callable[[], Sequence[OutgoingMessage]],
        will: OutgoingMessage | None,
        on_notice: Callable[[Notice], None],
        subscriptions: Sequence[str] = (),
    ) -> None:
        assert isinstance(settings, MqttSettings)  # noqa: S101 (the loader guarantees it)
        self._settings = settings
        self._client_id = settings.client_id or f"edged-{device}"
        self._birth = birth
        self._will = will
        self._on_notice = on_notice
        self._subscriptions = tuple(subscriptions)
        self._max_in_flight = _MAX_IN_FLIGHT
        self._memory = PublishMemory(on_notice)
        self._session: MqttSession | None = None
        self._last_link: LinkChanged | None = None
        self._stable_at: Deadline | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Start the thread that connects."""
        self._thread.start()

    def publish(self, message: OutgoingMessage, token: int | None = None) -> bool:
        """Queue a message; return False if there is no connection."""
        session = self._session
        return session is not None and session.publish(message, token)

    def close(self, final_messages: Sequence[OutgoingMessage], timeout_s: float) -> None:
        """Publish `final_messages`, wait up to `timeout_s` for their acknowledgement, and disconnect without a will."""
        deadline = Deadline(SystemClock(), timeout_s)
        self._closing.set()
        session = self._session
        if session is not None:
            session.finish(final_messages, timeout_s)
        if self._thread.is_alive():
            self._thread.join(max(deadline.remaining_s, 0.1))

    def _run(self) -> None:
        # Never 0, so that the caller has processed the last connection's notices before the next connection is up.
        backoff = Backoff(initial_s=_MIN_RETRY_S, max_s=self._settings.max_retry_s, min_share=0.25)
        while not self._closing.is_set():
            max_in_flight = self._max_in_flight
            end = self._run_session()
            if self._closing.is_set():
                return
            if self._max_in_flight < max_in_flight:
                _log.info("mqtt: %s", end.reason)
                continue  # no fault: the same connection again, with the broker's limit
            is_stable = self._stable_at is not None and self._stable_at.expired
            if is_stable:
                backoff.reset()
            self._report_link(LinkChanged(up=False, reason=end.reason))
            self._learn_from(end, is_early=self._stable_at is not None and not is_stable)
            self._closing.wait(backoff.next_wait_s())

    def _learn_from(self, end: SessionEnd, *, is_early: bool) -> None:
        """Find the message at which the broker ended the connection, and hold it.

        Args:
            end: how the connection ended.
            is_early: whether it ended soon after the broker had accepted it.
        """
        suspect = end.first_unconfirmed
        if end.reason_code is not None:
            packet_bytes = None if suspect is None else suspect.packet_bytes
            self._memory.learned.learn(end.reason_code, packet_bytes)
        is_stated = end.reason_code in _REFUSAL_CODES
        if not (is_early or is_stated or end.is_unanswered):
            return
        answer = end.last_answer
        if answer is not None and answer.refusal is not None:
            return  # The refusal explains the end, and whoever sent the message knows of it.
        is_known = is_stated or (suspect is not None and self._memory.held.is_held(suspect.topic))
        suspicion = self._memory.early_ends.record_end(
            suspect,
            None if answer is None else answer.message,
            min_ends=1 if is_known else MIN_ENDS,
        )
        if suspicion is not None:
            self._hold(suspicion, is_closed=not end.is_unanswered)

    def _hold(self, suspicion: Suspicion, *, is_closed: bool) -> None:
        message, words = suspicion.message, suspicion.describe()
        is_final = suspicion.is_final and is_closed
        if message.token is None:
            self._memory.held.hold(message.topic, words)
            return
        error = f"{message.topic}: {words}"
        if is_final:
            self._memory.held.set_reason(message.topic, f"a message was given up: {words}")
        self._on_notice(Delivered(message.token, error, is_final=is_final))

    def _run_session(self) -> SessionEnd:
        """Serve one connection until it ends, and return how it ended."""
        self._stable_at = None
        self._session = session = MqttSession(
            self._settings,
            client_id=self._client_id,
            will=self._will,
            birth=self._birth,
            on_up=self._on_up,
            on_delivered=self._on_notice,
            subscriptions=Subscriptions(self._subscriptions, self._on_notice),
            max_in_flight=self._max_in_flight,
            memory=self._memory,
        )
        if self._closing.is_set():  # `close` may have run just before the session was assigned
            session.abandon()
        try:
            return session.run()
        except PublishError as error:
            return SessionEnd(reason=str(error))
        except Exception:  # noqa: BLE001 (a packet that paho cannot parse must not end this thread, which alone reconnects)
            _log.exception("mqtt: the connection failed with an unexpected error")
            reason = f"{broker_url(self._settings)}: unexpected error; see the log"
            return SessionEnd(reason=reason)
        finally:
            if session.receive_maximum is not None:
                self._max_in_flight = min(session.receive_maximum, _MAX_IN_FLIGHT)
            self._session = None

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
