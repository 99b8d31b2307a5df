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
from edged.interfaces import Link, Notice, Outgoing
from edged.publishers.mqtt_ears import Ears
from edged.publishers.mqtt_session import Session
from edged.publishers.mqtt_settings import MqttSettings, address

_MAX_IN_FLIGHT = 20
_STEADY_S = 10.0
"""A connection that lasted so long was a good one: the pauses begin short again. (Two clients with one id throw each other out
at once, again and again.)"""

_FIRST_RETRY_S = 1.0

_log = logging.getLogger(__name__)


class MqttPublisher:
    """See the module and `edged.interfaces.Publisher`."""

    Settings: ClassVar[type[msgspec.Struct]] = MqttSettings

    def __init__(
        self,
        settings: msgspec.Struct,
        *,
        device: str,
        birth: Callable[[], Sequence[Outgoing]],
        will: Outgoing | None,
        notify: Callable[[Notice], None],
        listen: Sequence[str] = (),
    ) -> None:
        assert isinstance(settings, MqttSettings)  # noqa: S101 (the loader's promise)
        self._settings = settings
        self._client_id = settings.client_id or f"edged-{device}"
        self._birth = birth
        self._will = will
        self._notify = notify
        self._listen = tuple(listen)
        self._max_in_flight = _MAX_IN_FLIGHT
        self._session: Session | None = None
        self._told: Link | None = None
        self._steady: Deadline | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """See `Publisher`."""
        self._thread.start()

    def publish(self, message: Outgoing, token: int | None = None) -> bool:
        """See `Publisher`."""
        session = self._session
        return session is not None and session.publish(message, token)

    def close(self, last_words: Sequence[Outgoing], timeout_s: float) -> None:
        """See `Publisher`."""
        deadline = Deadline(SystemClock(), timeout_s)
        self._closing.set()
        session = self._session
        if session is not None:
            session.finish(last_words, timeout_s)
        if self._thread.is_alive():
            self._thread.join(max(deadline.remaining_s, 0.1))

    def _run(self) -> None:
        # Never nothing, so that what the last connection reported is taken in before the next one is there.
        backoff = Backoff(first_s=_FIRST_RETRY_S, cap_s=self._settings.retry_max_s, least=0.25)
        while not self._closing.is_set():
            reason = self._connection()
            if self._closing.is_set():
                return
            if self._steady is not None and self._steady.expired:
                backoff.reset()
            elif self._steady is not None:
                reason += (
                    f"; if this goes on, look for another client with the id {self._client_id}"
                )
            self._tell(Link(up=False, reason=reason))
            self._closing.wait(backoff.next_s())

    def _connection(self) -> str:
        """One connection, from its beginning to its end; why it ended."""
        self._steady = None
        self._session = session = Session(
            self._settings,
            client_id=self._client_id,
            will=self._will,
            birth=self._birth,
            on_up=self._came_up,
            on_delivered=self._notify,
            ears=Ears(self._listen, self._notify),
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
            return f"{address(self._settings)}: an unforeseen failure; see the log"
        finally:
            self._max_in_flight = session.receive_maximum or self._max_in_flight
            self._session = None

    def _came_up(self) -> None:
        self._steady = Deadline(SystemClock(), _STEADY_S)
        self._tell(Link(up=True))

    def _tell(self, link: Link) -> None:
        if link == self._told:
            return
        self._told = link
        if link.up:
            _log.info("mqtt: connected to %s as %s", address(self._settings), self._client_id)
        else:
            _log.warning("mqtt: not connected: %s", link.reason)
        self._notify(link)
