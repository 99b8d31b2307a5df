"""The log that the page shows: of one hour, bounded, and without secrets."""

import json
import logging
from collections.abc import Iterator

import pytest

from edged.daemon.recent_log import MAX_LINES, RecentLog
from edged.logs import CleanedLog
from support.clock import FakeClock

LOG = logging.getLogger("edged.test_recent_log")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def recent(clock: FakeClock) -> Iterator[RecentLog]:
    recent = RecentLog(clock)
    target = CleanedLog(recent)
    LOG.addHandler(target)
    yield recent
    LOG.removeHandler(target)


def texts(recent: RecentLog) -> list[str]:
    return [json.loads(line)["text"] for line in recent.lines]


def test_lines_of_the_last_hour_are_kept_and_shown_when_they_come(
    recent: RecentLog, clock: FakeClock
) -> None:
    seen: list[bytes] = []
    recent.on_line = seen.append
    LOG.warning("first %d", 1)
    clock.sleep(3000)
    LOG.error("second")
    assert texts(recent) == ["first 1", "second"]
    assert [json.loads(line)["level"] for line in seen] == ["warning", "error"]
    clock.sleep(1000)
    assert texts(recent) == ["second"]


def test_their_number_and_length_are_bounded(recent: RecentLog) -> None:
    for number in range(MAX_LINES + 50):
        LOG.warning("line %d %s", number, "x" * 5000)
    assert len(recent.lines) == MAX_LINES
    assert texts(recent)[0].startswith("line 50 ")
    assert max(map(len, recent.lines)) < 2200


def test_a_login_in_an_address_is_not_shown(recent: RecentLog) -> None:
    LOG.warning("cannot reach %s", "rtsp://admin:hush@camera/live")
    assert "hush" not in texts(recent)[0]
