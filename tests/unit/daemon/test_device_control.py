"""The device, as commands use it."""

from collections.abc import Iterator
from typing import Any

import pytest

from edged.clock import Deadline
from edged.daemon.device_control import DeviceControl
from edged.daemon.inbox import Inbox, InboxItem, RestartRequested
from edged.event_loop import EventLoop
from edged.interfaces.command import Done, Outcome, Refused
from support.clock import FakeClock

UNUSED: Any = None
"""A part that takes no part in a restart."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def loop(clock: FakeClock) -> Iterator[EventLoop]:
    with EventLoop(clock) as loop:
        yield loop


def test_a_service_does_not_restart_more_often_than_systemd_allows(
    loop: EventLoop, clock: FakeClock
) -> None:
    requests: list[InboxItem] = []
    inbox = Inbox(loop)
    inbox.set_receiver(requests.append)
    device = DeviceControl(
        UNUSED,
        vision=UNUSED,
        updates=UNUSED,
        self_test=UNUSED,
        inbox=inbox,
        restart_limit=Deadline(clock, 720),
        on_switched=lambda: None,
    )
    outcomes: list[Outcome] = []
    device.restart(outcomes.append)
    clock.sleep(721)
    device.restart(outcomes.append)
    loop.run_once(0)
    refused, done = outcomes
    assert isinstance(refused, Refused)
    assert (refused.code, done, requests) == ("busy", Done(), [RestartRequested()])
