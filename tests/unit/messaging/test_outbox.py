"""The outbox: which messages it publishes, when, and in which order, with a publisher that the test controls."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edged.clock import SystemClock
from edged.config.settings import Settings
from edged.errors import ConfigError
from edged.event_loop import EventLoop
from edged.interfaces import (
    ConsumerClosed,
    MessageReceived,
    Notice,
    OutgoingMessage,
    PublishLimited,
    SubscriptionRefused,
)
from edged.messaging.contract.messages import OnlineStatus
from edged.messaging.open_outbox import open_outbox
from edged.messaging.outbox import Birth, Outbox
from edged.messaging.spool import Spool
from edged.messaging.spooled_messages import MAX_IN_FLIGHT
from edged.publishers.jsonl import JsonlSettings
from support.clock import FakeClock
from support.examples import detections, event, stamper, state
from support.manual_publisher import ManualPublisher

STATUS, STATE, EVENTS = "up/status", "up/camera/front/state", "up/camera/front/events"


class OutboxBench:
    """An outbox and its publisher."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.folder = folder
        self.open()

    def open(self) -> None:
        self.received: list[MessageReceived | ConsumerClosed] = []
        spool = Spool(
            self.folder,
            max_bytes=1_000_000,
            max_age_s=3600,
            clock=self.clock,
            encode_gap=lambda seq, _: ("gap", f'{{"seq":{seq}}}'.encode()),
        )
        made: list[ManualPublisher] = []

        def connect(
            birth: Birth, will: OutgoingMessage, on_notice: Callable[[Notice], None]
        ) -> ManualPublisher:
            made.append(ManualPublisher(birth, will, on_notice))
            return made[0]

        self.outbox = Outbox(
            spool=spool,
            stamper=stamper(self.clock),
            clock=self.clock,
            connect=connect,
            notify=self.received.append,
        )
        (self.publisher,) = made

    def connect(self) -> None:
        self.publisher.connect()
        self.outbox.tick()

    def publish_events(self, count: int) -> None:
        for number in range(count):
            self.outbox.queue_event(event(id=f"e{number}"))

    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.outbox.tick()

    def sent_numbers(self) -> list[int]:
        return [message["seq"] for message in self.publisher.take_sent(EVENTS)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[OutboxBench]:
    bench = OutboxBench(tmp_path)
    yield bench
    bench.outbox.close(0)


def test_birth_begins_with_the_status(bench: OutboxBench) -> None:
    bench.outbox.retain(state())
    bench.connect()
    first, second = bench.publisher.sent
    assert first.topic.endswith(STATUS)
    assert second.topic.endswith(STATE)
    assert (first.retain, first.qos) == (True, 1)


def test_the_will_bears_the_session(bench: OutboxBench) -> None:
    bench.publisher.sent.append(bench.publisher.will)
    (will,) = bench.publisher.take_sent(STATUS)
    assert (will["status"], will["session"]) == ("offline", "9f2103be")
    assert bench.publisher.will.retain


def test_only_the_newest_of_a_retained_topic_is_born(bench: OutboxBench) -> None:
    for count in range(3):
        bench.outbox.retain(state(counts={"person": count}))
    bench.connect()
    (born,) = bench.publisher.take_sent(STATE)
    assert born["counts"] == {"person": 2}


def test_a_retained_message_without_changes_is_not_sent(bench: OutboxBench) -> None:
    bench.connect()
    for _ in range(2):
        bench.outbox.retain(state(occupied=True))
    assert len(bench.publisher.take_sent(STATE)) == 1


def test_a_change_between_birth_and_link_is_not_lost(bench: OutboxBench) -> None:
    bench.outbox.retain(state(occupied=False))
    bench.publisher.connect(notify=False)
    bench.outbox.retain(state(occupied=True))
    bench.publisher.notify_up()
    bench.outbox.tick()
    assert [message["occupied"] for message in bench.publisher.take_sent(STATE)] == [False, True]


def test_events_wait_for_the_link(bench: OutboxBench) -> None:
    bench.publish_events(3)
    bench.outbox.tick()
    assert bench.publisher.sent == []
    bench.connect()
    numbers = bench.sent_numbers()
    assert numbers == sorted(numbers)
    assert len(numbers) == 3


def test_at_most_twenty_are_in_flight_and_each_answer_lets_one_go(bench: OutboxBench) -> None:
    bench.connect()
    bench.publish_events(50)
    assert len(bench.sent_numbers()) == MAX_IN_FLIGHT
    bench.publisher.acknowledge(count=3)
    bench.outbox.tick()
    assert len(bench.sent_numbers()) == 3


def test_a_lost_link_sends_the_unanswered_again_in_order(bench: OutboxBench) -> None:
    bench.connect()
    bench.publish_events(50)
    first = bench.sent_numbers()
    bench.publisher.acknowledge(count=5)
    bench.outbox.tick()
    first += bench.sent_numbers()
    bench.publisher.lose_connection()
    bench.outbox.tick()
    bench.connect()
    again = bench.sent_numbers()
    assert again == first[5:]


def test_nothing_overtakes_after_a_lost_link(bench: OutboxBench) -> None:
    bench.connect()
    bench.publish_events(3)
    unanswered = bench.sent_numbers()
    bench.publisher.lose_connection()
    bench.outbox.queue_event(event(id="late"))
    assert bench.sent_numbers() == []
    bench.connect()
    assert bench.sent_numbers() == [*unanswered, unanswered[-1] + 1]


def test_a_publisher_that_refuses_stops_what_follows(bench: OutboxBench) -> None:
    bench.connect()
    bench.publisher.lose_connection(notify=False)
    bench.publish_events(2)
    bench.outbox.tick()
    bench.connect()
    assert len(bench.sent_numbers()) == 2


def test_a_refused_message_stays_and_is_tried_again_ever_more_seldom(bench: OutboxBench) -> None:
    bench.connect()
    bench.publish_events(3)
    numbers = bench.sent_numbers()
    for pause_s in (5, 10, 20, 40, 80, 160, 300, 300):
        bench.publisher.acknowledge("up/camera/front/events: Not authorized", count=3)
        bench.outbox.tick()
        assert bench.outbox.spool_state().depth == 3
        assert "Not authorized" in str(bench.outbox.list_problems()["publish_refused"])
        bench.wait(pause_s - 0.2)
        assert bench.sent_numbers() == []
        assert 0.05 <= bench.outbox.next_tick_s <= 0.21
        bench.wait(0.2)
        assert bench.sent_numbers() == numbers
    bench.publisher.acknowledge(count=3)
    bench.outbox.tick()
    assert bench.outbox.spool_state().depth == 0
    assert bench.outbox.list_problems()["publish_refused"] is None


def test_a_refusal_in_the_middle_keeps_the_order(bench: OutboxBench) -> None:
    bench.connect()
    bench.publish_events(3)
    numbers = bench.sent_numbers()
    bench.publisher.acknowledge()
    bench.publisher.acknowledge("no")
    bench.publisher.acknowledge()
    bench.outbox.tick()
    bench.publish_events(1)
    bench.wait(6)
    assert bench.sent_numbers() == [numbers[1], numbers[2] + 1]


def test_a_new_connection_does_not_end_the_pause_after_a_refusal(bench: OutboxBench) -> None:
    """mosquitto 2.0.11 can end the connection with the refusal: the device would flood it."""
    bench.connect()
    bench.publish_events(3)
    numbers = bench.sent_numbers()
    bench.publisher.acknowledge("Not authorized")
    bench.publisher.lose_connection()
    bench.outbox.tick()
    bench.connect()
    assert bench.sent_numbers() == []
    bench.wait(4.8)
    assert bench.sent_numbers() == []
    bench.wait(0.3)
    assert bench.sent_numbers() == numbers


def test_a_message_that_can_never_pass_becomes_a_gap_and_holds_nothing_up(
    bench: OutboxBench,
) -> None:
    bench.connect()
    bench.publish_events(3)
    numbers = bench.sent_numbers()
    bench.publisher.acknowledge()
    bench.publisher.acknowledge("too large", is_final=True)
    bench.outbox.tick()
    bench.publisher.acknowledge()
    (gap,) = bench.publisher.take_sent("gap")
    assert gap["seq"] == numbers[2] + 1
    bench.publisher.acknowledge()
    bench.outbox.tick()
    assert bench.outbox.spool_state().depth == 0
    assert bench.outbox.list_problems()["publish_refused"] is None


def test_limits_of_the_broker_are_a_condition_until_they_end(bench: OutboxBench) -> None:
    bench.publisher.notify(PublishLimited("a", "too large"))
    bench.publisher.notify(PublishLimited("b", "refused"))
    bench.connect()
    bench.publisher.lose_connection()
    bench.connect()
    assert bench.outbox.list_problems()["publish_limited"] == "a: too large; b: refused"
    bench.publisher.notify(PublishLimited("a", None))
    bench.outbox.tick()
    assert bench.outbox.list_problems()["publish_limited"] == "b: refused"


def test_status_is_repeated_after_three_minutes(bench: OutboxBench) -> None:
    bench.connect()
    assert len(bench.publisher.take_sent(STATUS)) == 1
    bench.wait(179)
    assert bench.publisher.take_sent(STATUS) == []
    bench.wait(2)
    assert [message["status"] for message in bench.publisher.take_sent(STATUS)] == ["online"]
    bench.wait(3600)
    assert bench.publisher.take_sent(STATUS) == []


def test_detections_are_live_or_nothing(bench: OutboxBench) -> None:
    bench.outbox.publish_detections(detections())
    assert bench.outbox.link_state().detections_dropped == 1
    bench.connect()
    bench.outbox.publish_detections(detections())
    (message,) = bench.publisher.take_sent("detections")
    assert message["seq"] is None
    assert bench.outbox.spool_state().depth == 0


def test_detections_wait_for_room_for_a_second_and_the_newest_replaces_the_others(
    bench: OutboxBench,
) -> None:
    bench.connect()
    bench.publisher.has_room = False
    for frame in (1, 2, 3):
        bench.outbox.publish_detections(detections(frame=frame))
    bench.outbox.publish_detections(detections(camera="back", frame=4))
    assert bench.outbox.link_state().detections_dropped == 2
    bench.clock.sleep(0.9)
    bench.publisher.make_room()
    assert [m["frame"] for m in bench.publisher.take_sent("detections")] == [3, 4]
    bench.outbox.publish_detections(detections(frame=5))
    assert [m["frame"] for m in bench.publisher.take_sent("detections")] == [5]
    assert bench.outbox.link_state().detections_dropped == 2


def test_detections_that_have_waited_for_more_than_a_second_are_dropped(bench: OutboxBench) -> None:
    bench.connect()
    bench.publisher.has_room = False
    bench.outbox.publish_detections(detections(frame=1))
    bench.clock.sleep(1.1)
    bench.publisher.make_room()
    assert bench.publisher.take_sent("detections") == []
    assert bench.outbox.link_state().detections_dropped == 1


def test_detections_that_wait_are_dropped_with_the_connection(bench: OutboxBench) -> None:
    bench.connect()
    bench.publisher.has_room = False
    bench.outbox.publish_detections(detections())
    bench.publisher.lose_connection()
    assert bench.outbox.link_state().detections_dropped == 1
    bench.publisher.has_room = True
    bench.connect()
    assert bench.publisher.take_sent("detections") == []


def test_a_retained_message_waits_for_room_and_a_newer_one_replaces_it(bench: OutboxBench) -> None:
    bench.connect()
    bench.publisher.has_room = False
    for count in (1, 2):
        bench.outbox.retain(state(counts={"person": count}))
    assert bench.publisher.take_sent(STATE) == []
    bench.publish_events(1)
    assert len(bench.sent_numbers()) == 1, "events have their own limit"
    bench.publisher.make_room()
    assert [m["counts"] for m in bench.publisher.take_sent(STATE)] == [{"person": 2}]


def test_the_end_is_published_and_no_occupancy_stays_behind(bench: OutboxBench) -> None:
    bench.outbox.retain(state(occupied=True, counts={"person": 1}))
    bench.connect()
    bench.publisher.take_sent()
    bench.outbox.retain(OnlineStatus(status="stopping"))
    bench.outbox.close(1)
    words = bench.publisher.take_sent()
    assert [word.get("status", "state") for word in words] == ["stopping", "state", "offline"]
    assert (words[1]["occupied"], words[1]["counts"], words[1]["online"]) == (False, {}, False)


def test_answers_that_come_with_the_end_count(bench: OutboxBench) -> None:
    bench.connect()
    bench.publish_events(2)
    bench.publisher.acknowledge(count=2)
    bench.outbox.close(1)
    bench.open()
    assert bench.outbox.spool_state().depth == 0


def test_what_is_unanswered_at_the_end_goes_out_first_next_time(bench: OutboxBench) -> None:
    bench.connect()
    bench.publish_events(30)
    numbers = bench.sent_numbers()
    bench.outbox.close(1)
    bench.open()
    bench.connect()
    assert bench.sent_numbers() == numbers
    assert bench.outbox.spool_state().depth == 30


def test_health_is_published(bench: OutboxBench) -> None:
    assert bench.outbox.list_problems() == {
        "publish_limited": None,
        "publish_refused": None,
        "spool": None,
        "subscription_refused": None,
    }
    bench.publish_events(1)
    bench.wait(2)
    assert bench.outbox.spool_state().oldest_age_s == 2
    bench.connect()
    bench.publisher.lose_connection("no route")
    bench.outbox.tick()
    assert bench.outbox.link_state().connects == 1
    assert bench.outbox.link_state().last_error == "no route"


def test_what_is_received_passes_by(bench: OutboxBench) -> None:
    bench.connect()
    message = MessageReceived("edged/v1/shop-12/down/desired", b"{}", retained=True)
    bench.publisher.notify(message)
    bench.outbox.tick()
    assert bench.received == [message]


def test_a_refused_subscription_is_reported_until_the_next_connection(bench: OutboxBench) -> None:
    bench.connect()
    bench.publisher.notify(SubscriptionRefused("edged/v1/shop-12/down/desired", "Not authorized"))
    bench.outbox.tick()
    assert (
        bench.outbox.list_problems()["subscription_refused"]
        == "edged/v1/shop-12/down/desired: Not authorized"
    )
    bench.publish_events(1)
    assert len(bench.sent_numbers()) == 1
    bench.publisher.lose_connection()
    bench.connect()
    assert bench.outbox.list_problems()["subscription_refused"] is None


@pytest.mark.parametrize(
    "topic", ["#", "edged/v1/shop-12/#", "edged/v1/shop-12/up/status", "edged/v1/shop-12/down"]
)
def test_a_device_does_not_receive_its_own_messages_or_others(tmp_path: Path, topic: str) -> None:
    with pytest.raises(AssertionError):
        open_outbox(
            Settings(publisher=("jsonl", JsonlSettings(path=str(tmp_path / "lines")))),
            stamper=stamper(),
            state_dir=tmp_path,
            clock=FakeClock(),
            loop=EventLoop(FakeClock()),
            notify=lambda _: None,
            subscriptions=[topic],
        )


def test_a_configuration_without_a_publisher_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no publisher is configured.*\[mqtt\], \[jsonl\]"):
        open_outbox(
            Settings(),
            stamper=stamper(),
            state_dir=tmp_path,
            clock=FakeClock(),
            loop=EventLoop(FakeClock()),
            notify=lambda _: None,
        )


def test_open_outbox_brings_the_parts_together(tmp_path: Path) -> None:
    lines = tmp_path / "out.jsonl"
    settings = Settings(publisher=("jsonl", JsonlSettings(path=str(lines))))
    with EventLoop(SystemClock()) as loop:
        outbox = open_outbox(
            settings,
            stamper=stamper(),
            state_dir=tmp_path,
            clock=FakeClock(),
            loop=loop,
            notify=lambda _: None,
        )
        outbox.start()
        while not outbox.link_state().connects:
            loop.run_once(5)
        outbox.queue_event(event())
        outbox.retain(OnlineStatus(status="stopping"))
        outbox.close(5)
    text = lines.read_text()
    assert [text.count(word) for word in ('"online"', "edged.event/1", '"stopping"')] == [1, 1, 1]
    assert (tmp_path / "spool" / "spool.db").exists()


def test_a_loss_of_unknown_extent_is_logged_in_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(publisher=("jsonl", JsonlSettings(path=str(tmp_path / "out.jsonl"))))
    clock = FakeClock()
    for _ in range(2):
        outbox = open_outbox(
            settings,
            stamper=stamper(clock),
            state_dir=tmp_path,
            clock=clock,
            loop=EventLoop(FakeClock()),
            notify=lambda _: None,
        )
        outbox.queue_event(event())
        outbox.close(0)
        (tmp_path / "spool" / "sequence").write_bytes(b"damaged")
        clock.sleep(60)
    assert "an unknown number of messages are lost (corrupt): " in caplog.text
