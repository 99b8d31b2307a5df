"""The client: a connection to a broker, and a reader of what arrives over it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from queue import Empty, Full, Queue
from typing import Self

from edged.client.awaited_replies import AwaitedReplies
from edged.client.connection import ArrivedMessage, BrokerConnection
from edged.client.notices import LinkNotice, Notice
from edged.client.reader import MessageReader
from edged.client.remote_device import RemoteDevice
from edged.errors import RemoteCommandError
from edged.messaging.contract.commands import Reply
from edged.messaging.contract.topics import ROOT, Topics
from edged.publishers.mqtt_settings import MqttSettings

_MAX_WAITING = 10_000
_POLL_S = 0.2
EVERY_DEVICE = "+"
EVERY_TOPIC = "#"
_REPLY = "reply"
DEFAULT_REPLY_TIMEOUT_S = 30.0


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
        response_topic: str | None = None,
    ) -> None:
        """Connect to nothing yet: that begins on entering the context.

        Args:
            settings: the broker and the login, as in [mqtt].
            devices: names of the devices; all if not given.
            topics: topics below ``up/``, as ``camera/+/events``; all if not given; none for a program that only commands.
            response_topic: where devices are to send their replies too, with MQTT 5; only needed where this user may not read ``up/reply``.
        """
        replies = () if {EVERY_TOPIC, _REPLY} & set(topics) else (_REPLY,)
        filters = [
            f"{ROOT}/{device}/up/{topic}" for device in devices for topic in (*topics, *replies)
        ]
        self._only_commands = not topics
        self._response_topic = response_topic
        self._commands = AwaitedReplies()
        self._reader = MessageReader()
        self._waiting: Queue[ArrivedMessage | LinkNotice] = Queue(_MAX_WAITING)
        self._notices: list[Notice] = []
        self._connection = BrokerConnection(
            settings,
            [*filters, *([response_topic] if response_topic else [])],
            on_message=self._on_message,
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
    def devices(self) -> Mapping[str, RemoteDevice]:
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

    def execute(
        self,
        device: str,
        verb: str,
        args: Mapping[str, object] | None = None,
        *,
        timeout_s: float = DEFAULT_REPLY_TIMEOUT_S,
    ) -> Reply:
        """Send a command and return the reply, which may be a refusal; any thread may call this.

        If the connection is lost meanwhile, the command is sent again with the same id, and the device does not execute it twice.

        Args:
            device: name of the device.
            verb: the command, as ``detect``.
            args: its arguments.
            timeout_s: how long to wait for the reply, seconds; after that the device does not begin it any more.

        Raises:
            RemoteCommandError: there was no reply in time.
        """
        topic = f"{Topics(device).down}/cmd/{verb}"
        with self._commands.begin(args or {}, expires_s=timeout_s) as pending:
            end_s = time.monotonic() + timeout_s
            sent_over = -1
            while time.monotonic() < end_s:
                number = self._connection.number
                if number != sent_over and self._connection.publish(
                    topic,
                    pending.payload,
                    response_topic=self._response_topic,
                    correlation=pending.id.encode(),
                ):
                    sent_over = number
                reply = pending.wait(min(_POLL_S, max(0.0, end_s - time.monotonic())))
                if reply is not None:
                    return reply
        reason = "it was not sent: there is no connection" if sent_over < 0 else "no reply"
        raise RemoteCommandError(
            f"{device}: command {verb}: {reason} within {timeout_s:g} s; are commands enabled on the device, and may this user send them?"
        )

    def _take(self, item: ArrivedMessage | LinkNotice) -> None:
        if isinstance(item, ArrivedMessage):
            self._notices += self._reader.read(item.topic, item.payload, retained=item.retained)
        else:
            self._notices.append(item)

    def _on_message(self, message: ArrivedMessage) -> None:
        is_response = message.topic == self._response_topic
        if is_response or message.topic.endswith(f"/up/{_REPLY}"):
            self._commands.answer(message.payload)
        if not (is_response or self._only_commands):
            self._put(message)

    def _put(self, item: ArrivedMessage | LinkNotice) -> None:
        """Hand on what arrived; wait if the program is behind: the broker keeps the rest."""
        while not self._connection.is_closing:
            try:
                self._waiting.put(item, timeout=_POLL_S)
            except Full:
                continue
            return
