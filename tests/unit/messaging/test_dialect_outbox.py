"""When the messages of a dialect are sent, and that they disturb nothing."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec import Struct

from edged.interfaces import ForeignMessage, Notice, OutgoingMessage
from edged.messaging.contract.messages import CameraState, Event, FrameDetections
from edged.messaging.observed_outbox import ObservedOutbox
from edged.messaging.outbox import Birth
from edged.messaging.spool import Spool
from support.clock import FakeClock
from support.examples import detections, event, stamper, state
from support.manual_publisher import ManualPublisher


class PlainDialect:
    """A dialect that repeats events, counts and frames in a word, or fails."""

    Settings: ClassVar[type[Struct]] = Struct

    def __init__(self) -> None:
        self.fault: Exception | None = None

    def begin(self) -> Sequence[ForeignMessage]:
        return [self._state("here", b"yes")]

    def translate(self, message: Struct) -> Sequence[ForeignMessage]:
        if self.fault:
            raise self.fault
        match message:
            case Event():
                text = json.dumps([message.id, message.type, message.device]).encode()
                return [ForeignMessage(OutgoingMessage(topic="other/event", payload=text, qos=1))]
            case CameraState():
                return [self._state(message.camera, str(sum(message.counts.values())).encode())]
            case FrameDetections():
                return [ForeignMessage(OutgoingMessage(topic="other/frame", payload=b"frame"))]
        return ()

    def end(self) -> Sequence[ForeignMessage]:
        return [self._state("here", b"no")]

    def _state(self, leaf: str, payload: bytes) -> ForeignMessage:
        message = OutgoingMessage(topic=f"other/{leaf}", payload=payload, qos=1)
        return ForeignMessage(message, is_state=True)


class DialectBench:
    """An outbox with one dialect."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.dialect = PlainDialect()
        made: list[ManualPublisher] = []

        def connect(
            birth: Birth, will: OutgoingMessage, on_notice: Callable[[Notice], None]
        ) -> ManualPublisher:
            made.append(ManualPublisher(birth, will, on_notice))
            return made[0]

        self.outbox = ObservedOutbox(
            spool=Spool(
                folder,
                max_bytes=1_000_000,
                max_age_s=3600,
                clock=self.clock,
                encode_gap=lambda seq, _: ("gap", str(seq).encode()),
            ),
            stamper=stamper(self.clock),
            clock=self.clock,
            connect=connect,
            notify=lambda _: None,
            dialects={"plain": self.dialect},
        )
        (self.publisher,) = made

    def take(self) -> list[str]:
        """Return what was sent in the dialect since the last call, as ``leaf payload``."""
        sent = [one for one in self.publisher.sent if one.topic.startswith("other/")]
        self.publisher.sent.clear()
        return [f"{one.topic.removeprefix('other/')} {one.payload.decode()}" for one in sent]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[DialectBench]:
    bench = DialectBench(tmp_path)
    yield bench
    bench.outbox.close(0)


def shown(number: int, kind: str) -> str:
    return f'event ["e{number}", "{kind}", "shop-12"]'


def test_states_are_born_with_every_connection(bench: DialectBench) -> None:
    bench.outbox.retain(state(counts={"person": 2}))
    bench.publisher.connect()
    assert bench.take() == ["here yes", "front 2"]
    bench.publisher.lose_connection()
    bench.publisher.connect()
    assert bench.take() == ["here yes", "front 2"]


def test_a_state_is_sent_when_it_changes(bench: DialectBench) -> None:
    bench.publisher.connect()
    bench.take()
    bench.outbox.retain(state(counts={"person": 1}))
    bench.outbox.retain(state(counts={"person": 1}, motion=True))
    assert bench.take() == ["front 1"]


def test_events_are_sent_while_there_is_a_connection(bench: DialectBench) -> None:
    bench.publisher.connect()
    bench.take()
    bench.outbox.queue_event(event(id="e1"))
    bench.outbox.queue_event(event(id="e1", type="end"))
    assert bench.take() == [shown(1, "start"), shown(1, "end")]


def test_an_event_is_not_repeated_with_the_spool(bench: DialectBench) -> None:
    bench.publisher.connect()
    bench.outbox.queue_event(event(id="e1"))
    bench.take()
    bench.publisher.lose_connection()
    bench.publisher.connect()
    assert any(one.topic.endswith("/events") for one in bench.publisher.sent)
    assert bench.take() == ["here yes"]


def test_without_a_connection_the_newest_event_of_each_object_waits(bench: DialectBench) -> None:
    bench.publisher.connect()
    bench.outbox.queue_event(event(id="e1"))
    bench.outbox.queue_event(event(id="e2"))
    bench.take()
    bench.publisher.lose_connection()
    bench.outbox.queue_event(event(id="e1", type="update"))
    bench.outbox.queue_event(event(id="e1", type="end"))
    bench.outbox.queue_event(event(id="e3"))
    bench.outbox.queue_event(event(id="e3", type="update"))
    bench.publisher.connect()
    assert bench.take() == ["here yes", shown(1, "end"), shown(3, "update")]


def test_an_object_that_came_and_went_without_a_connection_is_left_out(
    bench: DialectBench,
) -> None:
    bench.outbox.queue_event(event(id="e1"))
    bench.outbox.queue_event(event(id="e1", type="end"))
    bench.publisher.connect()
    assert bench.take() == ["here yes"]


def test_what_the_broker_does_not_take_waits_for_room_in_order(bench: DialectBench) -> None:
    bench.publisher.connect()
    bench.take()
    bench.publisher.has_room = False
    bench.outbox.queue_event(event(id="e1"))
    bench.outbox.publish_detections(detections())
    bench.outbox.retain(state(counts={"person": 1}))
    assert bench.take() == []
    bench.publisher.has_room = True
    bench.publisher.make_room()
    assert bench.take() == [shown(1, "start"), "front 1"], "a frame would be old"


def test_frames_are_live(bench: DialectBench) -> None:
    bench.outbox.publish_detections(detections())
    bench.publisher.connect()
    bench.take()
    bench.outbox.publish_detections(detections())
    assert bench.take() == ["frame frame"]


def test_an_observer_changes_nothing(bench: DialectBench) -> None:
    bench.outbox.observe(lambda *_: None)
    bench.publisher.connect()
    bench.take()
    bench.outbox.publish_detections(detections())
    bench.outbox.queue_event(event(id="e1"))
    bench.outbox.retain(state(counts={"person": 1}))
    assert bench.take() == ["frame frame", shown(1, "start"), "front 1"]


def test_a_dialect_that_fails_disturbs_nothing(
    bench: DialectBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.publisher.connect()
    bench.take()
    bench.dialect.fault = ZeroDivisionError()
    for _ in range(3):
        bench.outbox.queue_event(event(id="e1"))
    bench.outbox.retain(state())
    assert len([one for one in bench.publisher.sent if one.topic.endswith("/events")]) == 3
    (record,) = [one for one in caplog.records if "dialect.plain" in one.getMessage()]
    assert "Event" in record.getMessage()
    bench.dialect.fault = None
    bench.take()
    bench.outbox.queue_event(event(id="e2"))
    assert bench.take() == [shown(2, "start")]


def test_the_end_is_said_before_edged_itself_is_offline(bench: DialectBench) -> None:
    bench.outbox.retain(state(counts={"person": 1}))
    bench.publisher.connect()
    bench.publisher.sent.clear()
    bench.outbox.close(0)
    order = [one.topic.rpartition("/")[2] for one in bench.publisher.sent]
    assert order.index("here") < order.index("status")
    assert bench.take() == ["front 0", "here no"]
