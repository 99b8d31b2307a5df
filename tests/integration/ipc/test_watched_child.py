"""Real child processes in a real loop: what they send, how they end, and that nothing waits for them."""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from edged.clock import SystemClock
from edged.event_loop import EventLoop
from edged.ipc.packets import PacketCodec
from edged.ipc.watched_child import WatchedChild
from support.waiting import wait_for

_MAX_WAIT_S = 20.0
CODEC: PacketCodec[int] = PacketCodec(int, max_bytes=1000)
PRELUDE = "import os, signal, socket, sys, time; channel = socket.socket(fileno=int(sys.argv[1]));"


class ChildBench:
    """A child that runs a line of Python, and what the loop learns of it."""

    def __init__(self, loop: EventLoop, code: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            fd = theirs.fileno()
            self.process = subprocess.Popen(
                [sys.executable, "-c", PRELUDE + code, str(fd)], pass_fds=(fd,)
            )
        ours.setblocking(False)  # noqa: FBT003 (the standard library's)
        self.loop = loop
        self.received: list[int] = []
        self.exits: list[tuple[str, int]] = []
        """How it ended, and how many messages had been read before."""
        self.max_reads = 1000
        self.child = WatchedChild(
            self.process,
            ours,
            os.pidfd_open(self.process.pid),
            sent=CODEC,
            received=CODEC,
            loop=loop,
        )
        self.child.watch(self._read, lambda how: self.exits.append((how, len(self.received))))

    def _read(self) -> None:
        for _ in range(self.max_reads):
            message = self.child.read()
            if message is None:
                return
            self.received.append(message)

    def has_unread(self) -> bool:
        return self.child.has_unread

    def run_until(self, is_true: Callable[[], object]) -> None:
        end_s = time.monotonic() + _MAX_WAIT_S
        while not is_true():
            assert time.monotonic() < end_s, (self.received[-5:], self.exits)
            self.loop.run_once(0.05)

    def run_to_its_end(self) -> str:
        self.run_until(lambda: self.exits)
        self.loop.run_once(0.0)
        assert len(self.exits) == 1
        how, read_count = self.exits[0]
        assert read_count == len(self.received), "the end comes after everything that was sent"
        return how


StartChild = Callable[[str], ChildBench]


@pytest.fixture
def start() -> Iterator[StartChild]:
    benches = []
    with EventLoop(SystemClock()) as loop:

        def start(code: str) -> ChildBench:
            benches.append(ChildBench(loop, code))
            return benches[-1]

        yield start
        for bench in benches:
            bench.child.kill()
            bench.run_to_its_end()


def test_everything_that_a_child_sent_is_read_before_its_end(start: StartChild) -> None:
    bench = start("[channel.send(b'%d' % n) for n in range(100)]; sys.exit(3)")
    assert bench.run_to_its_end() == "exited with 3"
    assert bench.received == list(range(100))


def test_what_one_pass_leaves_is_read_in_the_next(start: StartChild) -> None:
    bench = start("[channel.send(b'%d' % n) for n in range(50)]; time.sleep(60)")
    bench.max_reads = 7
    bench.run_until(lambda: bench.received)
    assert len(bench.received) <= 7
    bench.run_until(lambda: len(bench.received) == 50)
    bench.child.kill()
    assert bench.run_to_its_end() == "was killed by SIGKILL"
    assert bench.received == list(range(50))


def test_a_child_that_ended_while_much_was_unread_loses_nothing(start: StartChild) -> None:
    bench = start("[channel.send(b'%d' % n) for n in range(100)]")
    bench.max_reads = 3
    assert bench.run_to_its_end() == "exited with 0"
    assert bench.received == list(range(100))


def test_an_invalid_message_is_the_last(start: StartChild) -> None:
    bench = start("channel.send(b'1'); channel.send(b'{'); channel.send(b'2'); time.sleep(60)")
    assert bench.run_to_its_end().startswith("sent an invalid message")
    assert bench.received == [1]
    assert bench.process.wait(_MAX_WAIT_S) < 0, "it was killed"


def test_an_invalid_message_of_a_child_that_has_ended_is_reported_once(start: StartChild) -> None:
    bench = start("channel.send(b'{')")
    assert select.select([os.pidfd_open(bench.process.pid)], [], [], _MAX_WAIT_S)[0]
    assert bench.run_to_its_end().startswith("sent an invalid message")
    for _ in range(3):
        bench.loop.run_once(0.0)
    assert len(bench.exits) == 1


def test_a_child_that_closes_its_socket_and_goes_on_is_killed(start: StartChild) -> None:
    bench = start("channel.close(); time.sleep(60)")
    assert bench.run_to_its_end() == "closed its socket but did not end"


def test_the_end_is_noticed_though_another_process_holds_the_socket(start: StartChild) -> None:
    bench = start("channel.send(b'1'); (os.fork() == 0 and time.sleep(4)) or os._exit(5)")
    began_s = time.monotonic()
    assert bench.run_to_its_end() == "exited with 5"
    assert time.monotonic() - began_s < 4
    assert bench.received == [1]


def test_a_child_that_reads_nothing_makes_nobody_wait_and_gets_the_newest(
    start: StartChild,
) -> None:
    bench = start(
        "channel.send(b'0'); os.kill(os.getpid(), signal.SIGSTOP);"
        "sent = None\nwhile (packet := channel.recv(1000)) != b'9999': sent = packet\nchannel.send(b'1'); time.sleep(60)"
    )
    bench.run_until(lambda: bench.received)
    for n in range(10_000):
        bench.child.send(n)
    os.kill(bench.process.pid, 18)  # SIGCONT
    bench.run_until(lambda: bench.received == [0, 1])


def test_what_waits_unread_is_seen_without_reading_it(start: StartChild) -> None:
    bench = start("channel.send(b'1'); channel.recv(10)")
    wait_for(bench.has_unread, timeout_s=_MAX_WAIT_S)
    assert bench.child.read() == 1
    assert not bench.has_unread()
    bench.child.request_stop()
    assert bench.run_to_its_end() == "exited with 0"
    assert not bench.has_unread()
