"""What goes out, when, and in which order, with a publisher that the test plays."""

from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from edged.config.settings import Settings
from edged.errors import ConfigError
from edged.interfaces import Delivered, Link, Notice, Outgoing, Received, Unheard
from edged.messaging.contract.messages import Status
from edged.messaging.outbox import IN_FLIGHT, Birth, Notify, Outbox, open_outbox
from edged.messaging.spool import Spool
from edged.publishers.jsonl import JsonlSettings
from support.clock import FakeClock
from support.examples import detections, event, stamper, state
from support.publisher import HandPublisher

STATUS, STATE, EVENTS = "up/status", "up/camera/front/state", "up/camera/front/events"


class Bench:
    """An outbox, its publisher, and the supervisor's inbox between them."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.folder = folder
        self.open()

    def open(self) -> None:
        self.inbox: SimpleQueue[Notice] = SimpleQueue()
        self.received: list[Received] = []
        spool = Spool(
            self.folder,
            max_bytes=1_000_000,
            max_age_s=3600,
            clock=self.clock,
            describe=lambda seq, _: ("gap", f'{{"seq":{seq}}}'.encode()),
        )
        made: list[HandPublisher] = []

        def connect(birth: Birth, will: Outgoing, notify: Notify) -> HandPublisher:
            made.append(HandPublisher(birth, will, notify))
            return made[0]

        self.outbox = Outbox(
            spool=spool,
            stamper=stamper(self.clock),
            clock=self.clock,
            connect=connect,
            notify=self.inbox.put,
        )
        (self.broker,) = made

    def settle(self) -> None:
        """What the supervisor's loop does."""
        while not self.inbox.empty():
            match self.inbox.get():
                case Link() as link:
                    self.outbox.on_link(link)
                case Delivered() as delivered:
                    self.outbox.on_delivered(delivered)
                case Unheard() as unheard:
                    self.outbox.on_unheard(unheard)
                case Received() as received:
                    self.received.append(received)
        self.outbox.tick()

    def connect(self) -> None:
        self.broker.connect()
        self.settle()

    def events(self, count: int) -> None:
        for number in range(count):
            self.outbox.event(event(id=f"e{number}"))

    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.settle()

    def sent_numbers(self) -> list[int]:
        return [message["seq"] for message in self.broker.take(EVENTS)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.outbox.close(0)


def test_birth_begins_with_the_status(bench: Bench) -> None:
    bench.outbox.retain(state())
    bench.connect()
    first, second = bench.broker.sent
    assert first.topic.endswith(STATUS)
    assert second.topic.endswith(STATE)
    assert (first.retain, first.qos) == (True, 1)


def test_the_will_bears_the_session(bench: Bench) -> None:
    bench.broker.sent.append(bench.broker.will)
    (will,) = bench.broker.take(STATUS)
    assert (will["status"], will["session"]) == ("offline", "9f2103be")
    assert bench.broker.will.retain


def test_only_the_newest_of_a_retained_topic_is_born(bench: Bench) -> None:
    for count in range(3):
        bench.outbox.retain(state(counts={"person": count}))
    bench.connect()
    (born,) = bench.broker.take(STATE)
    assert born["counts"] == {"person": 2}


def test_a_retained_message_that_says_nothing_new_is_not_sent(bench: Bench) -> None:
    bench.connect()
    for _ in range(2):
        bench.outbox.retain(state(occupied=True))
    assert len(bench.broker.take(STATE)) == 1


def test_a_change_between_birth_and_link_is_not_lost(bench: Bench) -> None:
    bench.outbox.retain(state(occupied=False))
    bench.broker.connect(tell=False)
    bench.outbox.retain(state(occupied=True))
    bench.broker.tell_up()
    bench.settle()
    assert [message["occupied"] for message in bench.broker.take(STATE)] == [False, True]


def test_events_wait_for_the_link(bench: Bench) -> None:
    bench.events(3)
    bench.settle()
    assert bench.broker.sent == []
    bench.connect()
    numbers = bench.sent_numbers()
    assert numbers == sorted(numbers)
    assert len(numbers) == 3


def test_at_most_twenty_are_in_flight_and_each_answer_lets_one_go(bench: Bench) -> None:
    bench.connect()
    bench.events(50)
    assert len(bench.sent_numbers()) == IN_FLIGHT
    bench.broker.answer(count=3)
    bench.settle()
    assert len(bench.sent_numbers()) == 3


def test_a_lost_link_sends_the_unanswered_again_in_order(bench: Bench) -> None:
    bench.connect()
    bench.events(50)
    first = bench.sent_numbers()
    bench.broker.answer(count=5)
    bench.settle()
    first += bench.sent_numbers()
    bench.broker.lose()
    bench.settle()
    bench.connect()
    again = bench.sent_numbers()
    assert again == first[5:]


def test_nothing_overtakes_on_a_connection_that_nobody_heard_of(bench: Bench) -> None:
    """The link breaks and comes back while the supervisor is busy: the next event must not go first."""
    bench.connect()
    bench.events(3)
    unanswered = bench.sent_numbers()
    bench.broker.lose()
    bench.broker.connect()
    bench.outbox.event(event(id="late"))
    assert bench.sent_numbers() == []
    bench.settle()
    assert bench.sent_numbers() == [*unanswered, unanswered[-1] + 1]


def test_a_publisher_that_refuses_stops_the_rest(bench: Bench) -> None:
    bench.connect()
    bench.broker.lose(tell=False)
    bench.events(2)
    bench.settle()
    bench.connect()
    assert len(bench.sent_numbers()) == 2


def test_a_refused_message_stays_and_is_tried_again_ever_more_seldom(bench: Bench) -> None:
    bench.connect()
    bench.events(3)
    numbers = bench.sent_numbers()
    for pause_s in (5, 10, 20, 40, 80, 160, 300, 300):
        bench.broker.answer("up/camera/front/events: Not authorized", count=3)
        bench.settle()
        assert bench.outbox.spool_state().depth == 3
        assert "Not authorized" in bench.outbox.complaints()["refused"]
        bench.wait(pause_s - 0.2)
        assert bench.sent_numbers() == []
        assert 0.05 <= bench.outbox.next_tick_s <= 0.21
        bench.wait(0.2)
        assert bench.sent_numbers() == numbers
    bench.broker.answer(count=3)
    bench.settle()
    assert bench.outbox.spool_state().depth == 0
    assert bench.outbox.complaints()["refused"] == ""


def test_a_refusal_in_the_middle_keeps_the_order(bench: Bench) -> None:
    bench.connect()
    bench.events(3)
    numbers = bench.sent_numbers()
    bench.broker.answer()
    bench.broker.answer("no")
    bench.broker.answer()
    bench.settle()
    bench.events(1)
    bench.wait(6)
    assert bench.sent_numbers() == [numbers[1], numbers[2] + 1]


def test_status_is_said_again_after_three_minutes(bench: Bench) -> None:
    bench.connect()
    assert len(bench.broker.take(STATUS)) == 1
    bench.wait(179)
    assert bench.broker.take(STATUS) == []
    bench.wait(2)
    assert [message["status"] for message in bench.broker.take(STATUS)] == ["online"]
    bench.wait(3600)
    assert bench.broker.take(STATUS) == []


def test_detections_are_live_or_nothing(bench: Bench) -> None:
    bench.outbox.detections(detections())
    assert bench.outbox.live_dropped == 1
    bench.connect()
    bench.outbox.detections(detections())
    (message,) = bench.broker.take("detections")
    assert message["seq"] is None
    assert bench.outbox.spool_state().depth == 0


def test_the_end_is_said_and_no_occupancy_stays_behind(bench: Bench) -> None:
    bench.outbox.retain(state(occupied=True, counts={"person": 1}))
    bench.connect()
    bench.broker.take()
    bench.outbox.stopping()
    bench.outbox.close(1)
    words = bench.broker.take()
    assert [word.get("status", "state") for word in words] == ["stopping", "state", "offline"]
    assert (words[1]["occupied"], words[1]["counts"], words[1]["online"]) == (False, {}, False)


def test_answers_that_come_with_the_end_count(bench: Bench) -> None:
    bench.connect()
    bench.events(2)
    bench.broker.answer(count=2)
    bench.outbox.close(1)
    bench.open()
    assert bench.outbox.spool_state().depth == 0


def test_what_is_unanswered_at_the_end_goes_out_first_next_time(bench: Bench) -> None:
    bench.connect()
    bench.events(30)
    numbers = bench.sent_numbers()
    bench.outbox.close(1)
    bench.open()
    bench.connect()
    assert bench.sent_numbers() == numbers
    assert bench.outbox.spool_state().depth == 30


def test_health_is_told(bench: Bench) -> None:
    assert bench.outbox.complaints() == {"refused": "", "spool": "", "unheard": ""}
    bench.events(1)
    bench.wait(2)
    assert bench.outbox.spool_state().oldest_age_s == 2
    bench.connect()
    bench.broker.lose("no route")
    bench.settle()
    assert bench.outbox.link_state().connects == 1
    assert bench.outbox.link_state().last_error == "no route"


def test_what_is_received_passes_by(bench: Bench) -> None:
    bench.connect()
    heard = Received("edged/v1/shop-12/down/desired", b"{}", retained=True)
    bench.broker.tell(heard)
    bench.settle()
    assert bench.received == [heard]


def test_a_refused_subscription_is_told_until_the_next_connection(bench: Bench) -> None:
    bench.connect()
    bench.broker.tell(Unheard("edged/v1/shop-12/down/desired", "Not authorized"))
    bench.settle()
    assert bench.outbox.complaints()["unheard"] == "edged/v1/shop-12/down/desired: Not authorized"
    bench.events(1)
    assert len(bench.sent_numbers()) == 1
    bench.broker.lose()
    bench.connect()
    assert bench.outbox.complaints()["unheard"] == ""


@pytest.mark.parametrize(
    "topic", ["#", "edged/v1/shop-12/#", "edged/v1/shop-12/up/status", "edged/v1/shop-12/down"]
)
def test_a_device_does_not_hear_itself_or_others(tmp_path: Path, topic: str) -> None:
    with pytest.raises(AssertionError):
        open_outbox(
            Settings(publisher=("jsonl", JsonlSettings(path=str(tmp_path / "lines")))),
            stamper=stamper(),
            state_dir=tmp_path,
            clock=FakeClock(),
            notify=SimpleQueue[Notice]().put,
            listen=[topic],
        )


def test_a_configuration_without_a_way_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[mqtt\], \[jsonl\]"):
        open_outbox(
            Settings(),
            stamper=stamper(),
            state_dir=tmp_path,
            clock=FakeClock(),
            notify=SimpleQueue[Notice]().put,
        )


def test_open_outbox_brings_the_parts_together(tmp_path: Path) -> None:
    lines = tmp_path / "out.jsonl"
    settings = Settings(publisher=("jsonl", JsonlSettings(path=str(lines))))
    inbox: SimpleQueue[Notice] = SimpleQueue()
    outbox = open_outbox(
        settings, stamper=stamper(), state_dir=tmp_path, clock=FakeClock(), notify=inbox.put
    )
    outbox.start()
    assert inbox.get() == Link(up=True)
    outbox.on_link(Link(up=True))
    outbox.event(event())
    outbox.retain(Status(status="stopping"))
    outbox.close(1)
    text = lines.read_text()
    assert [text.count(word) for word in ('"online"', "edged.event/1", '"stopping"')] == [1, 1, 1]
    assert (tmp_path / "spool" / "spool.db").exists()
