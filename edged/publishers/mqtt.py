"""MQTT 5 or 3.1.1, over TCP or TLS.

The driver connects in the background, the first time as every other, and comes back with jittered pauses. It keeps nothing:
what was handed over and not answered when the connection broke is the caller's to hand over again.

Why a late will cannot overtake a birth: every connection has the same client id, a clean start and no will delay. A broker that
still holds a dead connection of this id must end it, and publish its will, before it accepts the new one (MQTT 5, 3.1.4 and
3.1.2.5); the birth messages, status first, go out after that, and then it subscribes to what it is to hear, on every connection
anew. The driver never subscribes to what it publishes.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import ClassVar

import msgspec

from edged.backoff import Backoff
from edged.clock import Deadline, SystemClock
from edged.errors import PublishError
from edged.interfaces import LinkChanged, Notice, OutgoingMessage
from edged.publishers.mqtt_session import MqttSession
from edged.publishers.mqtt_settings import MqttSettings, broker_url
from edged.publishers.mqtt_subscriptions import Subscriptions

_MAX_IN_FLIGHT = 20
_MIN_STABLE_S = 10.0
"""A connection that lasted so long was a good one: the pauses begin short again. (Two clients with one id throw each other out
at once, again and again.)"""

_MIN_RETRY_S = 1.0

_log = logging.getLogger(__name__)


class MqttPublisher:
    """See the module and `edged.interfaces.Publisher`."""

    Settings: ClassVar[type[msgspec.Struct]] = MqttSettings

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
        assert isinstance(settings, MqttSettings)  # noqa: S101 (the loader's promise)
        self._settings = settings
        self._client_id = settings.client_id or f"edged-{device}"
        self._birth = birth
        self._will = will
        self._on_notice = on_notice
        self._subscriptions = tuple(subscriptions)
        self._max_in_flight = _MAX_IN_FLIGHT
        self._session: MqttSession | None = None
        self._last_link: LinkChanged | None = None
        self._stable_at: Deadline | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """See `Publisher`."""
        self._thread.start()

    def publish(self, message: OutgoingMessage, token: int | None = None) -> bool:
        """See `Publisher`."""
        session = self._session
        return session is not None and session.publish(message, token)

    def close(self, final_messages: Sequence[OutgoingMessage], timeout_s: float) -> None:
        """See `Publisher`."""
        deadline = Deadline(SystemClock(), timeout_s)
        self._closing.set()
        session = self._session
        if session is not None:
            session.finish(final_messages, timeout_s)
        if self._thread.is_alive():
            self._thread.join(max(deadline.remaining_s, 0.1))

    def _run(self) -> None:
        # Never nothing, so that what the last connection reported is taken in before the next one is there.
        backoff = Backoff(initial_s=_MIN_RETRY_S, max_s=self._settings.max_retry_s, min_share=0.25)
        while not self._closing.is_set():
            reason = self._run_session()
            if self._closing.is_set():
                return
            if self._stable_at is not None and self._stable_at.expired:
                backoff.reset()
            elif self._stable_at is not None:
                reason += (
                    f"; if this goes on, look for another client with the id {self._client_id}"
                )
            self._report_link(LinkChanged(up=False, reason=reason))
            self._closing.wait(backoff.next_wait_s())

    def _run_session(self) -> str:
        """One connection, from its beginning to its end; why it ended."""
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
        )
        if self._closing.is_set():  # close() may have looked for a session before there was one
            session.abandon()
        try:
            return session.run()
        except PublishError as error:
            return str(error)
        except Exception:  # noqa: BLE001 (a packet that paho cannot read must not end this thread: nobody would connect again)
            _log.exception("mqtt: the connection failed in an unforeseen way")
            return f"{broker_url(self._settings)}: an unforeseen failure; see the log"
        finally:
            self._max_in_flight = session.receive_maximum or self._max_in_flight
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
