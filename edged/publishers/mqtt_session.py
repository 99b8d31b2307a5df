"""One connection to a broker, from CONNECT to its end.

Each connection is a new paho client with a clean session: paho stores nothing that could be sent twice or out of order, and only
the spool knows which messages are unacknowledged. Everything happens in the loop's thread; `publish` writes to the socket at once.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edged.clock import Deadline
from edged.event_loop import EventLoop
from edged.interfaces import Delivered, Notice, OutgoingMessage, RoomAvailable
from edged.publishers.mqtt_client import describe_reason_code, disconnect_with_will
from edged.publishers.mqtt_connection import MqttConnection
from edged.publishers.mqtt_limits import describe_properties, read_limits
from edged.publishers.mqtt_live_sender import LiveSender
from edged.publishers.mqtt_memory import BrokerMemory
from edged.publishers.mqtt_sender import MqttSender
from edged.publishers.mqtt_session_end import SessionEnd, describe_hints, make_session_end
from edged.publishers.mqtt_settings import MqttSettings
from edged.publishers.mqtt_subscriptions import Subscriptions

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

_MAX_TICK_S = 1.0

_log = logging.getLogger(__name__)


class MqttSession:
    """One connection; used once."""

    def __init__(
        self,
        client: "Client",
        settings: MqttSettings,
        *,
        loop: EventLoop,
        birth: Callable[[], Sequence[OutgoingMessage]],
        subscriptions: Sequence[str],
        max_in_flight: int,
        memory: BrokerMemory,
        on_up: Callable[[], None],
        on_end: Callable[[SessionEnd], None],
        on_notice: Callable[[Notice], None],
    ) -> None:
        """Serve nothing yet.

        Args:
            client: paho's client with a connected socket; its CONNECT is queued.
            settings: the keys of [mqtt].
            loop: the loop.
            birth: returns the messages to publish before any other.
            subscriptions: topic filters to subscribe to after the birth messages.
            max_in_flight: largest number of unacknowledged messages, as the client was made for.
            memory: what earlier sessions have learned of the broker.
            on_up: called when the broker has accepted the session and the birth messages are written.
            on_end: called when the connection has ended by itself.
            on_notice: called with all other notices, never from within `publish`.
        """
        self._client = client
        self._settings = settings
        self._loop = loop
        self._birth = birth
        self._max_in_flight = max_in_flight
        self._memory = memory
        self._on_up = on_up
        self._on_end = on_end
        self._on_notice = on_notice
        self._sender = MqttSender(
            client,
            settings.protocol,
            memory=memory,
            on_delivered=on_notice,
            on_left_out=self._notify_later,
        )
        self._subscriptions = Subscriptions(subscriptions, on_notice)
        self._connection = MqttConnection(client, loop=loop, events=self)
        self._live = LiveSender(self._connection, self._sender)
        self._timer = loop.call_later(settings.connect_timeout_s, self._give_up)
        self.receive_maximum: int | None = None
        """Largest number of unacknowledged messages that the broker allows; None until it has accepted the session."""
        self._is_up = False
        self._end_reason: str | None = None
        self._reason_code: int | None = None

    def start(self) -> None:
        """Send CONNECT, and serve the connection."""
        self._connection.start()

    def publish(self, message: OutgoingMessage, token: int | None) -> bool:
        """Send a message; return False if it was not taken (`Publisher.publish`)."""
        if not self._is_up or self._connection.is_lost:
            return False
        if token is None:
            if not self._live.has_room():
                return False
            if not (message.qos or message.retain):
                return self._live.publish(message)
        is_taken = self._sender.send(message, token)
        self._flush()
        if token is None:
            self._live.send_question()
        return is_taken

    def finish(self, final_messages: Sequence[OutgoingMessage], deadline: Deadline) -> None:
        """Publish `final_messages`, wait for their acknowledgement until the deadline, and disconnect.

        If they were not acknowledged, the broker publishes the will, because what it retains may not be true any more.
        """
        connection = self._connection
        is_done = True
        if self._is_up and not connection.is_lost:
            packet_ids = self._sender.send_final(final_messages)
            self._flush()
            while not (is_done := self._is_answered(packet_ids)):
                if connection.is_lost or deadline.expired:
                    break
                self._loop.run_once(deadline.remaining_s)
        self._timer.cancel()
        if not connection.is_lost:
            if is_done:
                self._client.disconnect()
            else:
                disconnect_with_will(self._client, self._settings.protocol)
            connection.write()
        connection.close()

    def on_connack(self, reason: "ReasonCode", properties: "Properties | None") -> None:
        """Take the broker's answer to CONNECT."""
        if reason.is_failure:
            self._reason_code = reason.value
            words = describe_reason_code(reason, properties)
            self._end_reason = f"the broker refused the connection: {words}"
            return
        if self._connection.is_lost:
            return
        self.receive_maximum = getattr(properties, "ReceiveMaximum", 65_535)
        if self.receive_maximum < self._max_in_flight:
            # paho does not change its own limit on an open connection.
            self._end_reason = f"the broker allows only {self.receive_maximum} unacknowledged messages; reconnecting with that limit"
            self._client.disconnect()
            self._connection.write()
            return
        self._begin(properties)

    def on_answer(self, packet_id: int, reason: "ReasonCode") -> None:
        """Take the broker's answer to a message of QoS 1."""
        self._sender.on_answer(packet_id, reason)

    def on_suback(self, packet_id: int, reason_codes: "list[ReasonCode]") -> None:
        """Take the broker's answer to a subscription."""
        self._subscriptions.on_subscribe(packet_id, reason_codes)

    def on_message(self, message: "MQTTMessage") -> None:
        """Hand on a message that has arrived."""
        self._subscriptions.on_message(message)

    def on_turn(self, *, has_read: bool) -> None:
        """Take note that the connection was served."""
        self._report_written()
        if self._live.take_turn(has_read=has_read):
            self._on_notice(RoomAvailable())

    def on_lost(self) -> None:
        """Report how the connection has ended."""
        self._timer.cancel()
        is_accepted, self._is_up = self._is_up, False
        self._on_end(
            make_session_end(
                self._settings,
                self._connection.reports,
                self._sender.acknowledgements,
                reason=self._end_reason,
                reason_code=self._reason_code,
                is_accepted=is_accepted,
            )
        )

    def _begin(self, properties: "Properties | None") -> None:
        limits_text = describe_properties(properties)
        if limits_text:
            _log.info("mqtt: the broker's limits: %s", limits_text)
        announced = properties if self._settings.protocol == "5" else None
        limits = read_limits(announced, self._memory.learned.read())
        self._sender.begin(limits, self._birth())
        self._subscribe()
        self._connection.flush()
        self._is_up = True
        self._timer.cancel()
        self._tick()
        self._on_up()

    def _tick(self) -> None:
        """Do what is due from time to time; the pings of a short keep-alive are not to be late."""
        keepalive_s = self._client.keepalive or 4 * _MAX_TICK_S  # a broker can set it to 0: none
        self._timer = self._loop.call_later(min(_MAX_TICK_S, keepalive_s / 4), self._tick)
        self._connection.keep_alive()
        if not self._connection.is_lost:
            self._sender.send_due()
            self._subscribe()
            self._flush()

    def _subscribe(self) -> None:
        self._subscriptions.subscribe(
            self._client, self._memory.held, self._sender.acknowledgements
        )

    def _flush(self) -> None:
        self._connection.flush()
        self._report_written()

    def _report_written(self) -> None:
        """Report messages of QoS 0 with a token, which a broker without QoS 1 gets."""
        acknowledgements = self._sender.acknowledgements
        if acknowledgements.has_unwritten and self._connection.has_room:
            for token in acknowledgements.take_written():
                self._notify_later(Delivered(token))

    def _notify_later(self, notice: Notice) -> None:
        self._loop.call_soon(lambda: self._on_notice(notice))

    def _is_answered(self, packet_ids: Sequence[int]) -> bool:
        acknowledgements = self._sender.acknowledgements
        return self._connection.has_room and all(map(acknowledgements.is_answered, packet_ids))

    def _give_up(self) -> None:
        hints = describe_hints(self._settings, self._connection.reports.last_error)
        self._end_reason = self._end_reason or f"the broker does not answer{hints}"
        self._connection.close()
        self.on_lost()
