"""The event loop: descriptors, timers, and calls from other threads and from signal handlers."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from edged.clock import NS_PER_S, SystemClock
from edged.event_loop import EventLoop

_LONG_S = 30.0


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    with EventLoop(SystemClock()) as one:
        yield one


def test_a_readable_descriptor_is_called_back_until_it_is_no_longer_watched(
    loop: EventLoop,
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)  # noqa: FBT003 (the standard library's)
        received: list[bytes] = []
        loop.watch(ours.fileno(), lambda: received.append(ours.recv(10)))
        theirs.send(b"one")
        loop.run_once(_LONG_S)
        theirs.send(b"two")
        loop.unwatch(ours.fileno())
        loop.run_once(0.0)
    assert received == [b"one"]


def test_room_to_write_is_reported_only_while_it_is_asked_for(loop: EventLoop) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        calls: list[str] = []
        loop.watch(ours.fileno(), lambda: calls.append("read"), lambda: calls.append("write"))
        loop.run_once(_LONG_S)
        loop.watch(ours.fileno(), lambda: calls.append("read"))
        loop.run_once(0.0)
        theirs.close()
        loop.run_once(_LONG_S)
    assert calls == ["write", "read"]


def test_a_watch_that_an_earlier_callback_stopped_is_not_called(loop: EventLoop) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        calls: list[str] = []

        def on_readable() -> None:
            calls.append("read")
            loop.unwatch(ours.fileno())

        loop.watch(ours.fileno(), on_readable, lambda: calls.append("write"))
        theirs.send(b"x")
        loop.run_once(_LONG_S)
    assert calls == ["read"]


def test_timers_are_called_in_the_order_of_their_times_and_not_after_they_are_cancelled(
    loop: EventLoop,
) -> None:
    calls: list[str] = []
    loop.call_later(0.02, lambda: calls.append("second"))
    loop.call_later(0.01, lambda: calls.append("first"))
    loop.call_later(0.005, lambda: calls.append("never")).cancel()
    end_ns = time.monotonic_ns() + NS_PER_S
    while len(calls) < 2 and time.monotonic_ns() < end_ns:
        loop.run_once(_LONG_S)
    assert calls == ["first", "second"]


def test_the_lag_of_a_late_timer_is_measured(loop: EventLoop) -> None:
    loop.call_at(time.monotonic_ns() - 2 * NS_PER_S, lambda: None)
    loop.run_once(_LONG_S)
    assert loop.max_lag_ns >= 2 * NS_PER_S


def test_a_call_from_another_thread_wakes_the_loop(loop: EventLoop) -> None:
    threads: list[int] = []
    other = threading.Thread(
        target=lambda: loop.call_soon(lambda: threads.append(threading.get_ident()))
    )
    began_s = time.monotonic()
    other.start()
    while not threads:
        loop.run_once(_LONG_S)
    assert time.monotonic() - began_s < _LONG_S / 2
    assert threads == [threading.get_ident()]


def test_a_call_from_a_signal_handler_wakes_the_loop(loop: EventLoop) -> None:
    calls: list[str] = []
    before = signal.signal(
        signal.SIGUSR1, lambda *_: loop.call_soon(lambda: calls.append("signal"))
    )
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        began_s = time.monotonic()
        while not calls:
            loop.run_once(_LONG_S)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert time.monotonic() - began_s < _LONG_S / 2


def test_a_call_that_makes_another_does_not_keep_descriptors_waiting(loop: EventLoop) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reads: list[bytes] = []
        loop.watch(ours.fileno(), lambda: reads.append(ours.recv(1)))

        def again() -> None:
            loop.call_soon(again)

        again()
        theirs.send(b"x")
        loop.run_once(_LONG_S)
        loop.run_once(_LONG_S)
    assert reads == [b"x"]


def test_a_descriptor_that_another_callback_of_the_same_pass_closed_is_not_called(
    loop: EventLoop,
) -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    calls: list[int] = []

    def on_readable(own: int) -> None:
        calls.append(own)
        loop.unwatch(pairs[1 - own][0].fileno())
        pairs[1 - own][0].close()

    for own, (ours, theirs) in enumerate(pairs):
        loop.watch(ours.fileno(), lambda own=own: on_readable(own))  # type: ignore[misc] # the loop's variable
        theirs.send(b"x")
    loop.run_once(_LONG_S)
    assert len(calls) == 1
    for pair in pairs:
        for one in pair:
            one.close()


def test_the_longest_call_is_measured(loop: EventLoop) -> None:
    loop.call_soon(lambda: time.sleep(0.05))
    loop.run_once(_LONG_S)
    assert loop.max_call_ns >= 0.05 * NS_PER_S


def test_a_timer_that_waits_behind_another_is_late(loop: EventLoop) -> None:
    due_ns = time.monotonic_ns()
    loop.call_at(due_ns, lambda: time.sleep(0.05))
    loop.call_at(due_ns, lambda: None)
    loop.run_once(_LONG_S)
    assert loop.max_lag_ns >= 0.05 * NS_PER_S


PAUSED = """
import os, signal, socket, subprocess, sys, time
from edged.clock import SystemClock
from edged.event_loop import EventLoop
ours, theirs = socket.socketpair()
with EventLoop(SystemClock()) as loop:
    loop.watch(ours.fileno(), lambda: print("read", ours.recv(10)))
    loop.call_later(0.5, lambda: print("timer"))
    pid = os.getpid()
    code = f"import os, time; time.sleep(0.1); os.kill({pid}, 19); time.sleep(0.1); os.write({theirs.fileno()}, b'x'); time.sleep(0.6); os.kill({pid}, 18)"
    other = subprocess.Popen([sys.executable, "-c", code], pass_fds=[theirs.fileno()])
    end_s = time.monotonic() + 20
    while other.poll() is None and time.monotonic() < end_s:
        loop.run_once(0.7)
    loop.run_once(0.1)
"""


def test_after_a_pause_what_has_arrived_comes_before_the_timers() -> None:
    run = [sys.executable, "-c", PAUSED]
    done = subprocess.run(run, capture_output=True, text=True, timeout=40, check=True)
    assert done.stdout.splitlines() == ["read b'x'", "timer"]
