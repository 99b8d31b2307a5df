"""A real child that gets a stream of messages: all of them, in order, and one that does not read is killed."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from edged.clock import SystemClock
from edged.event_loop import EventLoop
from edged.ipc.packets import PacketCodec
from edged.ipc.streaming_child import StreamingChild

CODEC: PacketCodec[str] = PacketCodec(str, max_bytes=100_000)
ECHO = """
import socket, sys, time
channel = socket.socket(fileno=int(sys.argv[1]))
time.sleep(0.5)
while packet := channel.recv(100_000):
    channel.send(packet[:10] + b'"')
"""
DEAF = "import time; time.sleep(60)"

StartChild = Callable[[str], "ChildBench"]


class ChildBench:
    """A child, and what came back from it."""

    def __init__(self, loop: EventLoop, code: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            fd = theirs.fileno()
            process = subprocess.Popen([sys.executable, "-c", code, str(fd)], pass_fds=(fd,))
        ours.setblocking(False)  # noqa: FBT003 (the standard library's)
        self.loop = loop
        self.received: list[str] = []
        self.ends: list[str] = []
        pidfd = os.pidfd_open(process.pid)
        self.child: StreamingChild[str, str] = StreamingChild(
            process, ours, pidfd, sent=CODEC, received=CODEC, loop=loop
        )
        self.child.watch(self._read, self.ends.append)

    def _read(self) -> None:
        while (message := self.child.read()) is not None:
            self.received.append(message)

    def run_to_its_end(self) -> None:
        self.run_until(lambda: self.ends)

    def run_until(self, is_true: Callable[[], object]) -> None:
        end_s = time.monotonic() + 20.0
        while not is_true():
            assert time.monotonic() < end_s, (len(self.received), self.ends)
            self.loop.run_once(0.05)


@pytest.fixture
def start() -> Iterator[StartChild]:
    benches: list[ChildBench] = []
    with EventLoop(SystemClock()) as loop:

        def start(code: str) -> ChildBench:
            benches.append(ChildBench(loop, code))
            return benches[-1]

        yield start
        for bench in benches:
            bench.child.kill()
            bench.run_to_its_end()


def message(number: int, size: int = 20_000) -> str:
    return f"{number:08d} {'x' * size}"


def test_messages_beyond_the_sockets_room_arrive_in_order(start: StartChild) -> None:
    bench = start(ECHO)
    for number in range(40):
        bench.child.send(message(number))
    bench.run_until(lambda: len(bench.received) == 40)
    assert bench.received == [message(number)[:9] for number in range(40)]


def test_a_waiting_message_is_replaced_by_a_newer_one_of_its_stream(start: StartChild) -> None:
    bench = start(ECHO)
    for number in range(40):
        bench.child.send(message(number))
    for number in range(40, 60):
        bench.child.send(message(number), replaces="state")
    bench.child.send(message(60))
    bench.run_until(lambda: bench.received[-1:] == [message(60)[:9]])
    assert bench.received[-2:] == [message(59)[:9], message(60)[:9]]
    assert len(bench.received) == 42


def test_a_child_that_does_not_read_is_killed(start: StartChild) -> None:
    bench = start(DEAF)
    for number in range(300):
        bench.child.send(message(number))
    bench.run_until(lambda: bench.ends)
    assert bench.ends == ["does not read what it is sent"]
