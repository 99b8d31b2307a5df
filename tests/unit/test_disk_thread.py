"""The disk's jobs: in order, with their results in the owner's thread."""

import threading
import time
from collections.abc import Iterator

import pytest

from edged.clock import SystemClock
from edged.disk_thread import DiskThread, InlineDiskQueue
from edged.event_loop import EventLoop


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    with EventLoop(SystemClock()) as one:
        yield one


def test_results_come_in_order_in_the_owners_thread(loop: EventLoop) -> None:
    disk = DiskThread("disk", clock=SystemClock(), post=loop.call_soon)
    jobs, reports = set[int](), list[tuple[int, int]]()
    for number in range(20):

        def job(number: int = number) -> int:
            jobs.add(threading.get_ident())
            return number

        disk.submit(job, lambda result: reports.append((result, threading.get_ident())))
    while len(reports) < 20:
        loop.run_once(5.0)
    assert reports == [(number, threading.get_ident()) for number in range(20)]
    assert threading.get_ident() not in jobs
    assert disk.finish(5.0)


def test_a_disk_that_is_silent_is_measured_and_keeps_nobody_waiting(loop: EventLoop) -> None:
    disk = DiskThread("disk", clock=SystemClock(), post=loop.call_soon)
    assert disk.silent_s == 0.0
    answer, reports = threading.Event(), list[bool]()
    disk.submit(answer.wait, reports.append)
    time.sleep(0.05)
    assert disk.silent_s >= 0.04
    began_s = time.monotonic()
    assert not disk.finish(0.05)
    assert time.monotonic() - began_s < 5.0
    assert reports == []
    answer.set()
    assert disk.finish(5.0)
    assert reports == [True]
    assert disk.silent_s == 0.0


def test_what_is_left_is_done_before_the_end(loop: EventLoop) -> None:
    disk = DiskThread("disk", clock=SystemClock(), post=loop.call_soon)
    reports: list[int] = []
    for number in range(5):
        disk.submit(lambda number=number: number, reports.append)  # type: ignore[misc]
    assert disk.finish(5.0)
    assert reports == [0, 1, 2, 3, 4]
    loop.run_once(0.0)
    assert len(reports) == 5


def test_what_the_reports_submit_is_done_before_the_end(loop: EventLoop) -> None:
    disk = DiskThread("disk", clock=SystemClock(), post=loop.call_soon)
    reports: list[int] = []

    def report(number: int) -> None:
        reports.append(number)
        if number < 5:
            disk.submit(lambda: number + 1, report)

    disk.submit(lambda: 1, report)
    assert disk.finish(5.0)
    assert reports == [1, 2, 3, 4, 5]


def test_the_next_result_can_be_waited_for(loop: EventLoop) -> None:
    disk = DiskThread("disk", clock=SystemClock(), post=loop.call_soon)
    assert not disk.report_next(5.0)
    reports: list[int] = []
    for number in range(2):
        disk.submit(lambda number=number: number, reports.append)  # type: ignore[misc]
    assert disk.report_next(5.0)
    assert reports == [0]
    while len(reports) < 2:
        loop.run_once(5.0)
    answer = threading.Event()
    disk.submit(answer.wait, reports.append)
    assert not disk.report_next(0.01)
    answer.set()
    assert disk.finish(5.0)


def test_what_a_job_raises_is_raised_in_the_owners_thread(loop: EventLoop) -> None:
    disk = DiskThread("disk", clock=SystemClock(), post=loop.call_soon)

    def fail() -> None:
        raise ZeroDivisionError

    disk.submit(fail, lambda _: None)
    with pytest.raises(ZeroDivisionError):
        disk.finish(5.0)


def test_an_unused_disk_thread_ends() -> None:
    assert DiskThread("disk", clock=SystemClock(), post=lambda _: None).finish(0.0)


def test_inline_each_job_is_done_at_once() -> None:
    reports: list[int] = []
    disk = InlineDiskQueue()
    disk.submit(lambda: 1, reports.append)
    assert reports == [1]
    assert disk.finish(0.0)
