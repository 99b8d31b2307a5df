"""The supervisor's side with a real web process: it comes, serves, and ends when nobody looks; the next request starts another."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from edged.clock import SystemClock
from edged.config.settings import PageSettings, Settings
from edged.daemon.recent_log import RecentLog
from edged.daemon.web_service import WebCalls, WebService
from edged.event_loop import EventLoop
from edged.messaging.contract.header import Identity, Stamper
from edged.messaging.contract.messages import CameraState
from edged.messaging.observed_outbox import ObservedOutbox
from edged.messaging.open_outbox import open_outbox
from edged.publishers.jsonl import JsonlPublisher
from edged.web.messages import WebJob
from support.waiting import wait_for
from support.web_device import free_port

IDLE_S = 0.5


class ServiceBench:
    """A `WebService` in a loop of its own thread."""

    def __init__(self, folder: Path, idle_s: float) -> None:
        self.port = free_port()
        self.problems: list[str | None] = []
        self._folder = folder
        self._idle_s = idle_s
        self._is_ending = threading.Event()
        self._is_started = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._loop: EventLoop
        self.outbox: ObservedOutbox
        self.service: WebService

    def start(self) -> None:
        self._thread.start()
        assert self._is_started.wait(20)

    def close(self) -> None:
        self._is_ending.set()
        self._thread.join(20)

    def has_process(self) -> bool:
        return self.service._child is not None

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=20.0)

    def _run(self) -> None:
        clock = SystemClock()
        with EventLoop(clock) as self._loop:
            self.outbox = self._make_outbox(clock)
            self.outbox.start()
            self.outbox.retain(CameraState(camera="front", online=True))
            self.service = self._make_service(clock)
            self.service.start()
            self._is_started.set()
            while not self._is_ending.is_set():
                self._loop.run_once(0.05)
            self.service.close()
            while self.has_process():
                self._loop.run_once(0.05)
            self.outbox.close(0.1)

    def _make_outbox(self, clock: SystemClock) -> ObservedOutbox:
        path = self._folder / "messages.jsonl"
        outbox = open_outbox(
            Settings(
                page=PageSettings(listen="127.0.0.1:0"),
                publisher=("jsonl", JsonlPublisher.Settings(path=str(path))),
            ),
            stamper=Stamper(
                Identity(device="bench", boot="b", session="s"), clock, lambda: "unsynced"
            ),
            state_dir=self._folder,
            clock=clock,
            loop=self._loop,
            notify=lambda _: None,
        )
        assert isinstance(outbox, ObservedOutbox)
        return outbox

    def _make_service(self, clock: SystemClock) -> WebService:
        page = PageSettings(listen=f"127.0.0.1:{self.port}")
        job = WebJob(
            config=self._folder / "edged.toml",
            device="bench",
            page=page,
            listeners=(),
            state_dir=self._folder,
            idle_s=self._idle_s,
        )
        jpeg = b"\xff\xd8" + bytes(300_000) + b"\xff\xd9"
        return WebService(
            job,
            Settings(page=page),
            loop=self._loop,
            outbox=self.outbox,
            calls=WebCalls(
                execute=lambda verb, _, on_reply: on_reply(
                    b'{"ok": true, "verb": "%s"}' % verb.encode()
                ),
                take_picture=lambda _, on_picture: on_picture(jpeg),
                read_picture=lambda event, on_picture: on_picture(b"", "no_picture", event),
                sample_cameras=dict,
            ),
            recent_log=RecentLog(clock),
            on_problem=self.problems.append,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ServiceBench]:
    bench = ServiceBench(tmp_path, idle_s=IDLE_S)
    bench.start()
    yield bench
    bench.close()


def test_the_process_ends_when_nobody_looks_and_comes_again(bench: ServiceBench) -> None:
    for _ in range(2):
        assert not bench.has_process()
        assert bench.get("/healthz").json() == {"ok": True}
        assert bench.has_process()
        wait_for(lambda: not bench.has_process())
    assert set(bench.problems) == {None}


def test_a_stream_that_is_read_keeps_it(bench: ServiceBench) -> None:
    with httpx.stream("GET", f"http://127.0.0.1:{bench.port}/api/stream", timeout=20.0) as stream:
        lines = stream.iter_lines()
        while "camera/front/state" not in next(lines):
            pass
        first = bench.service._child
        end_s = time.monotonic() + 4 * IDLE_S
        wait_for(lambda: time.monotonic() > end_s)
        assert bench.service._child is first
    wait_for(lambda: not bench.has_process())


def test_a_picture_of_many_packets_arrives_whole_for_all(bench: ServiceBench) -> None:
    bench.get("/healthz")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(bench.get, ["/api/cameras/front/picture"] * 24))
    assert {len(answer.content) for answer in answers} == {300_004}
    assert bench.get("/api/events/s-1/picture").json() == {"error": "s-1", "code": "no_picture"}
