"""The file of ``[jsonl]`` that vanishes, is cut off, or is a named pipe whose reader is slow."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from edged.clock import SystemClock
from edged.event_loop import EventLoop
from edged.interfaces import Delivered, LinkChanged, Notice, OutgoingMessage, RoomAvailable
from edged.publishers.jsonl import JsonlPublisher, JsonlSettings

MESSAGE = OutgoingMessage(topic="t", payload=b"{}", qos=1, retain=False)
LARGE = OutgoingMessage(topic="t", payload=b'{"x":"' + bytes(100_000).hex().encode() + b'"}', qos=1)


class Bench:
    """A publisher that has been started, its loop and its notices."""

    def __init__(self, path: Path, loop: EventLoop) -> None:
        self.notices: list[Notice] = []
        self.loop = loop
        self.publisher = JsonlPublisher(
            JsonlSettings(path=str(path)),
            loop=loop,
            device="porch",
            birth=lambda: (),
            will=None,
            on_notice=self.notices.append,
        )
        self.publisher.start()
        self.run_until(lambda: len(self.notices) > 0)

    def run_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, self.notices
            self.loop.run_once(0.05)

    def deliver(self) -> None:
        """Publish a message, and wait until it is written."""
        count = len(self.notices)
        assert self.publisher.publish(MESSAGE, token=1)
        self.run_until(lambda: len(self.notices) > count)


@contextmanager
def started(path: Path) -> Iterator[Bench]:
    with EventLoop(SystemClock()) as loop:
        bench = Bench(path, loop)
        yield bench
        bench.publisher.close((), 1.0)


@pytest.mark.parametrize("is_rotated", [False, True])
def test_a_file_that_was_removed_or_rotated_is_made_again(tmp_path: Path, is_rotated: bool) -> None:  # noqa: FBT001
    path = tmp_path / "out.jsonl"
    with started(path) as bench:
        bench.deliver()
        if is_rotated:
            path.rename(tmp_path / "out.jsonl.1")
            path.touch()
        else:
            path.unlink()
        bench.deliver()
    assert len(path.read_text().splitlines()) == 1


def test_a_line_that_was_cut_off_does_not_damage_the_next(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text('{"topic":"t","qo')
    with started(path) as bench:
        bench.deliver()
    assert json.loads(path.read_text().splitlines()[1])["topic"] == "t"


def test_a_named_pipe_that_nobody_reads_does_not_hang_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with started(path) as bench:
        (notice,) = bench.notices
        assert isinstance(notice, LinkChanged)
        assert not notice.up
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        with started(path) as bench:
            bench.deliver()
        assert reader.read().endswith(b"\n")


def test_a_slow_reader_holds_nothing_up(tmp_path: Path) -> None:
    """What has a token is taken and delivered later; what would be old then is refused until there is room."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with started(path) as bench:
        publisher = bench.publisher
        for token in range(20):
            assert publisher.publish(LARGE, token)
        bench.run_until(lambda: not publisher.publish(MESSAGE))
        assert not any(isinstance(notice, Delivered) for notice in bench.notices)

        def is_drained() -> bool:
            with suppress(BlockingIOError):
                os.read(reader, 1 << 20)
            return RoomAvailable() in bench.notices and len(bench.notices) >= 22

        bench.run_until(is_drained)
        delivered = [one.token for one in bench.notices if isinstance(one, Delivered)]
        assert delivered == list(range(20))
        assert publisher.publish(MESSAGE)
    os.close(reader)


def test_the_end_does_not_wait_for_a_reader_that_stopped_reading(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with started(path) as bench:
        assert bench.publisher.publish(LARGE, token=1)
        began = time.monotonic()
        bench.publisher.close([MESSAGE], 0.3)
        assert time.monotonic() - began < 5
    os.close(reader)
