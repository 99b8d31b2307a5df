"""The rules about a broker's limits, without a broker."""

import pytest

from edged.interfaces import OutgoingMessage, PublishLimited
from edged.publishers.mqtt_acknowledgements import Acknowledgements, SentMessage
from edged.publishers.mqtt_early_ends import EarlyEnds
from edged.publishers.mqtt_held_topics import HeldTopics
from edged.publishers.mqtt_limits import (
    PACKET_TOO_LARGE,
    BrokerLimits,
    LearnedLimits,
    packet_size,
    quote,
    read_limits,
)
from edged.publishers.mqtt_live_packets import LivePackets
from support.clock import FakeClock

INNOCENT = SentMessage("up/model", None, 300)
LARGE = SentMessage("up/health", None, 5000)


def event(token: int, packet_bytes: int = 500) -> SentMessage:
    return SentMessage("up/events", token, packet_bytes)


@pytest.mark.parametrize("payload_bytes", [0, 1, 113, 114, 16_000, 16_368, 16_369, 2_097_200])
@pytest.mark.parametrize(("qos", "protocol"), [(0, "5"), (1, "5"), (0, "3.1.1"), (1, "3.1.1")])
def test_a_packet_is_that_of_paho(payload_bytes: int, qos: int, protocol: str) -> None:
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    client = paho.Client(
        CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5 if protocol == "5" else paho.MQTTv311
    )
    written = list[bytes]()
    client._packet_queue = lambda _command, packet, *_: written.append(packet)  # type: ignore[assignment, method-assign]  # what it would write
    client._sock = object()  # type: ignore[assignment]
    client._send_publish(1, b"topic", b"x" * payload_bytes, qos=qos)
    client._sock = None
    message = OutgoingMessage(topic="topic", payload=b"x" * payload_bytes, qos=qos)
    assert packet_size(message, protocol) == len(written[0])
    if not qos:
        assert LivePackets(protocol).encode(message) == written[0]


def test_the_first_message_without_an_answer_is_to_blame_after_three_ends() -> None:
    ends = EarlyEnds()
    found = [ends.record_end(LARGE, None, min_ends=3) for _ in range(4)]
    assert found[:2] == [None, None]
    assert [(one.message, one.ends) for one in found[2:] if one] == [(LARGE, 3), (LARGE, 4)]


def test_ends_behind_different_messages_blame_none() -> None:
    ends = EarlyEnds()
    assert [ends.record_end(event(token), None, min_ends=3) for token in range(10)] == [None] * 10
    assert [ends.record_end(None, None, min_ends=1) for _ in range(5)] == [None] * 5


def test_an_answered_message_is_to_blame_if_holding_the_next_one_does_not_help() -> None:
    """A broker that acknowledges a message and then closes: the first one without an answer is innocent."""
    ends = EarlyEnds()
    blamed = [
        ends.record_end(unanswered, LARGE, min_ends=3)
        for unanswered in (INNOCENT, INNOCENT, INNOCENT, event(1))
    ]
    assert [one and one.message for one in blamed] == [None, None, INNOCENT, LARGE]


def test_a_message_is_given_up_only_if_its_size_explains_the_ends() -> None:
    for accepted_bytes, is_final in ((None, False), (900, False), (400, True)):
        ends = EarlyEnds()
        if accepted_bytes is not None:
            ends.record_accepted(event(1, accepted_bytes))
        found = [ends.record_end(event(2, 800), None, min_ends=3) for _ in range(5)]
        assert [one.is_final for one in found if one] == [False, False, is_final]


def test_messages_of_qos_0_are_suspects_until_a_later_one_is_acknowledged() -> None:
    acknowledgements = Acknowledgements(lambda _: None)
    live = SentMessage("up/detections", None, 900, qos=0)
    acknowledgements.record_sent(1, event(1))
    acknowledgements.record_live(live)
    acknowledgements.record_sent(3, event(2))
    acknowledgements.record_ack(1, None)
    assert acknowledgements.first_unconfirmed == live
    acknowledgements.record_ack(3, None)
    assert acknowledgements.first_unconfirmed is None


def test_a_learned_size_is_forgotten_after_an_hour() -> None:
    clock = FakeClock()
    learned = LearnedLimits(clock)
    learned.learn(PACKET_TOO_LARGE, 1000)
    learned.learn(0x8B, 10)  # shutting down: no limit
    assert learned.read() == BrokerLimits(max_packet_bytes=999)
    assert read_limits(None, learned.read()).max_packet_bytes == 999
    clock.sleep(3601)
    assert learned.read() == BrokerLimits()


def test_a_held_topic_is_tried_again_after_ever_longer_pauses() -> None:
    clock, notices = FakeClock(), list[PublishLimited]()
    held = HeldTopics(notices.append, clock)
    message = OutgoingMessage(topic="up/health", payload=b"{}", retain=True)
    for pause_s in (5, 10, 20, 40, 80, 160, 300, 300):
        held.hold("up/health", "refused")
        assert held.keep(message)
        clock.sleep(pause_s - 0.1)
        assert held.take_due() == []
        clock.sleep(0.2)
        assert not held.keep(message)
        assert held.take_due() == [message]
        assert held.take_due() == []
    held.release("up/health")
    assert not held.is_held("up/health")
    assert [notice.reason is None for notice in notices] == [False, True]


def test_words_from_the_broker_are_one_printable_line() -> None:
    assert quote("a\n\x1b[31mb") == r"a\n\x1b[31mb"
    assert quote("é" * 300) == "é" * 100
