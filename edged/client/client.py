"""The client: a connection to a broker, and a reader of what arrives over it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from queue import Empty, Full, Queue
from typing import Self

from edged.client.connection import ArrivedMessage, BrokerConnection
from edged.client.device_view import DeviceView
from edged.client.notices import LinkNotice, Notice
from edged.client.reader import MessageReader
from edged.messaging.contract.topics import ROOT
from edged.publishers.mqtt_settings import MqttSettings

_MAX_WAITING = 10_000
_POLL_S = 0.2
EVERY_DEVICE = "+"
EVERY_TOPIC = "#"


class EdgedClient:
    """Receives the messages of devices, as a context manager; it connects, and connects again, by itself.

    One thread uses it. Whoever takes a notice has the state of its device in `devices` as of that notice.

    With `MqttSettings.client_id` the broker keeps what arrives while the program does not run. Without it, it does so only over a lost connection, and with MQTT 5.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        devices: Sequence[str] = (EVERY_DEVICE,),
        topics: Sequence[str] = (EVERY_TOPIC,),
    ) -> None:
        """Connect to nothing yet: that begins on entering the context.

        Args:
            settings: the broker and the login, as in [mqtt].
            devices: names of the devices; all if not given.
            topics: topics below ``up/``, as ``camera/+/events``; all if not given.
        """
        self._reader = MessageReader()
        self._waiting: Queue[ArrivedMessage | LinkNotice] = Queue(_MAX_WAITING)
        self._notices: list[Notice] = []
        self._connection = BrokerConnection(
            settings,
            [f"{ROOT}/{device}/up/{topic}" for device in devices for topic in topics],
            on_message=self._put,
            on_link=self._put,
        )

    def __enter__(self) -> Self:
        """Begin to connect.

        Raises:
            PublishError: a password, certificate or key file cannot be used.
        """
        self._connection.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def devices(self) -> Mapping[str, DeviceView]:
        """The devices whose messages have been taken, by name."""
        return self._reader.devices

    def __iter__(self) -> Iterator[Notice]:
        """Return the notices, without end."""
        while True:
            if (notice := self.receive()) is not None:
                yield notice

    def receive(self, timeout_s: float | None = None) -> Notice | None:
        """Return the next notice, or None if there is none within `timeout_s` seconds; without a time limit if that is None."""
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._notices:
            left_s = _POLL_S if end_s is None else end_s - time.monotonic()
            try:
                # In short steps: a signal does not interrupt a wait for a lock.
                self._take(self._waiting.get(timeout=min(max(left_s, 0.0), _POLL_S)))
            except Empty:
                if end_s is not None and time.monotonic() >= end_s:
                    return None
        return self._notices.pop(0)

    def _take(self, item: ArrivedMessage | LinkNotice) -> None:
        if isinstance(item, ArrivedMessage):
            self._notices += self._reader.read(item.topic, item.payload, retained=item.retained)
        else:
            self._notices.append(item)

    def _put(self, item: ArrivedMessage | LinkNotice) -> None:
        """Hand on what arrived; wait if the program is behind: the broker keeps the rest."""
        while not self._connection.is_closing:
            try:
                self._waiting.put(item, timeout=_POLL_S)
            except Full:
                continue
            return
