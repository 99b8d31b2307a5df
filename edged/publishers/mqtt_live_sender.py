"""The way of what is worth nothing when it is late: only to a broker that keeps up and answers."""

from edged.clock import SystemClock
from edged.interfaces import OutgoingMessage
from edged.publishers.mqtt_connection import PINGREQ, MqttConnection
from edged.publishers.mqtt_sender import MqttSender
from edged.publishers.mqtt_signs_of_life import SignsOfLife


class LiveSender:
    """Sends live messages (QoS 0, not retained) over one connection, and decides whether it takes any message without a token."""

    def __init__(self, connection: MqttConnection, sender: MqttSender) -> None:
        """Send nothing yet.

        Args:
            connection: the connection.
            sender: its sender.
        """
        self._connection = connection
        self._sender = sender
        self._signs = SignsOfLife(SystemClock())
        self._is_room_awaited = False

    def has_room(self) -> bool:
        """Return whether the broker keeps up and answers; if it does not, `take_turn` tells when it does again."""
        if self._connection.has_room and not self._is_silent:
            return True
        self._is_room_awaited = True
        return False

    def publish(self, message: OutgoingMessage) -> bool:
        """Write a live message; call it only while there is room. Return False if it was not taken."""
        packet = self._sender.take_live(message)
        if packet is None:
            return False
        is_question_due = self._signs.is_question_due
        if not self._connection.write_past_paho(packet + PINGREQ if is_question_due else packet):
            self._is_room_awaited = True
            return False
        self._sender.record_live(message, len(packet))
        if is_question_due:
            self._signs.record_question()
        return True

    def send_question(self) -> None:
        """Send a PINGREQ behind another message, if one is due."""
        if self._signs.is_question_due and self._connection.write_past_paho(PINGREQ):
            self._signs.record_question()

    def take_turn(self, *, has_read: bool) -> bool:
        """Take note that the connection was served; return whether there is room again after there was none.

        Args:
            has_read: whether something has come from the broker.
        """
        if has_read:
            self._signs.record_answer()
        if not (self._is_room_awaited and self._connection.has_room) or self._is_silent:
            return False
        self._is_room_awaited = False
        return True

    @property
    def _is_silent(self) -> bool:
        """Whether the broker gives no sign of life; one that is not read yet, because this process had no time for it, is one."""
        return self._signs.is_overdue and not self._connection.has_input
