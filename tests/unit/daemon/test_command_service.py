"""The command service: what is executed, what is answered again, and what is refused."""

import json
from collections.abc import Callable, Iterator

import pytest

from edged.config.settings import CommandSettings
from edged.daemon.command_memory import CommandMemory
from edged.daemon.command_service import MAX_PENDING, MAX_REPLY_WAIT_S, CommandService
from edged.event_loop import EventLoop
from edged.interfaces import MessageReceived
from edged.interfaces.command import Done, Finish
from edged.messaging.contract.commands import Reply
from edged.messaging.contract.topics import Topics
from support.clock import FakeClock


class SlowDevice:
    """A device whose self-tests end when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Finish] = []

    def run_self_test(self, finish: Finish) -> None:
        self.waiting.append(finish)


class ServiceBench:
    """A command service, and the replies that it has sent: id, ok or the error's code, and the response topic."""

    def __init__(self, loop: EventLoop, clock: FakeClock) -> None:
        self.device = SlowDevice()
        self.replies: list[tuple[str, str, str | None]] = []
        self.messages: list[str] = []
        self.kept = 0
        self.service = CommandService(
            CommandSettings(enabled=True),
            topics=Topics("shop-12"),
            device=self.device,  # type: ignore[arg-type]  # the other verbs are not executed here
            send=self._send,
            memory=CommandMemory(),
            on_finished=self._keep,
            read_is_synced=lambda: True,
            loop=loop,
            clock=clock,
        )

    def receive(
        self, id_: str, *, response_topic: str | None = None, retained: bool = False
    ) -> None:
        payload = json.dumps({"id": id_}).encode()
        topic = "edged/v1/shop-12/down/cmd/selftest"
        self.service.receive(
            MessageReceived(topic, payload, retained, response_topic=response_topic)
        )

    def _send(
        self, reply: Reply, response_topic: str | None = None, correlation: bytes | None = None
    ) -> None:
        del correlation
        outcome = reply.error.code if reply.error else "ok"
        self.replies.append((reply.id, outcome, response_topic))
        self.messages += [reply.error.message] if reply.error else []

    def _keep(self) -> None:
        self.kept += 1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def loop(clock: FakeClock) -> Iterator[EventLoop]:
    with EventLoop(clock) as loop:
        yield loop


@pytest.fixture
def bench(loop: EventLoop, clock: FakeClock) -> ServiceBench:
    return ServiceBench(loop, clock)


def test_who_asks_again_meanwhile_gets_the_same_reply(bench: ServiceBench) -> None:
    bench.receive("1", response_topic="one")
    bench.receive("1", response_topic="two")
    assert (len(bench.device.waiting), bench.replies) == (1, [])
    bench.device.waiting[0](Done())
    assert bench.replies == [("1", "ok", "one"), ("1", "ok", "two")]
    bench.receive("1", response_topic="three")
    assert (len(bench.device.waiting), bench.replies[2:]) == (1, [("1", "ok", "three")])
    assert bench.kept == 1


def test_a_long_reason_is_cut(bench: ServiceBench) -> None:
    topic = "edged/v1/shop-12/down/cmd/selftest"
    payload = json.dumps({"id": "1", "args": {"x" * 10_000: 1}}).encode()
    bench.service.receive(MessageReceived(topic, payload, retained=False))
    (message,) = bench.messages
    assert (len(message), message[-1]) == (500, "…")


def test_too_many_at_a_time_are_refused_and_not_remembered(bench: ServiceBench) -> None:
    for number in range(MAX_PENDING + 1):
        bench.receive(str(number))
    assert bench.replies == [(str(MAX_PENDING), "busy", None)]
    bench.device.waiting[0](Done())
    bench.receive(str(MAX_PENDING))
    assert len(bench.device.waiting) == MAX_PENDING + 1


def test_one_that_takes_long_is_answered_and_again_when_it_is_done(
    bench: ServiceBench, loop: EventLoop, clock: FakeClock
) -> None:
    bench.receive("1")
    clock.sleep(MAX_REPLY_WAIT_S + 1)
    loop.run_once(0)
    assert bench.replies == [("1", "timeout", None)]
    bench.receive("1")
    bench.device.waiting[0](Done())
    assert bench.replies[1:] == [("1", "ok", None)]


def test_a_retained_one_is_not_even_answered(bench: ServiceBench) -> None:
    bench.receive("1", retained=True)
    assert (bench.device.waiting, bench.replies) == ([], [])


@pytest.mark.parametrize(
    "topic", ["edged/v1/other/down/cmd/restart", "$SYS/x", "a/+", "#", "edged/v1/shop-12/up/status"]
)
def test_a_response_topic_in_a_tree_of_a_device_is_ignored(bench: ServiceBench, topic: str) -> None:
    bench.receive("1", response_topic=topic)
    bench.device.waiting[0](Done())
    assert bench.replies == [("1", "ok", None)]


@pytest.mark.parametrize(
    ("verb", "args", "outcome"),
    [
        ("selftest", b"{}", None),
        ("selftest", b'{"x":1}', "invalid_args"),
        ("selftest", b"[]", "malformed"),
        ("selftest", b"", "malformed"),
        ("format", b"{}", "unknown_verb"),
    ],
)
def test_other_processes_of_the_device_are_answered_too(
    bench: ServiceBench, verb: str, args: bytes, outcome: str | None
) -> None:
    replies: list[Reply] = []
    collect: Callable[[Reply], None] = replies.append
    bench.service.execute(verb, args, collect)
    for finish in bench.device.waiting:
        finish(Done())
    (reply,) = replies
    assert (reply.error.code if reply.error else None) == outcome
    assert bench.replies == []
