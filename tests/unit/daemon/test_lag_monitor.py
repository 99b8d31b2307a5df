"""How late the loop is, as health and as a condition."""

import pytest

from edged.clock import NS_PER_S
from edged.daemon.lag_monitor import LagMonitor
from edged.event_loop import EventLoop
from edged.health import ConditionReporter, Conditions
from support.clock import FakeClock


class LagBench:
    """A monitor of a loop whose lag the test sets."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.loop = EventLoop(self.clock)
        self.conditions = Conditions()
        self.monitor = LagMonitor(
            self.loop, ConditionReporter(self.conditions, self.clock), self.clock
        )

    def run(self, seconds: float, lag_s: float) -> None:
        """Let so much time pass, with this lag."""
        for _ in range(int(seconds / 0.25)):
            self.clock.sleep(0.25)
            self.loop.max_lag_ns = int(lag_s * NS_PER_S)
            self.monitor.tick()

    @property
    def names(self) -> list[str]:
        return [condition.name for condition in self.conditions.active]


@pytest.fixture
def bench() -> LagBench:
    return LagBench()


def test_health_has_the_longest_lag_of_the_interval(bench: LagBench) -> None:
    bench.run(1, 0.01)
    bench.run(1, 0.3)
    bench.run(1, 0.02)
    assert bench.monitor.take().lag_s == 0.3
    assert bench.monitor.take().lag_s == 0.0


def test_a_little_late_is_no_condition(bench: LagBench) -> None:
    bench.run(60, 0.4)
    assert bench.names == []


def test_a_late_supervisor_is_a_condition_that_ends_when_it_has_been_in_time_for_a_while(
    bench: LagBench,
) -> None:
    bench.run(0.25, 0.6)
    assert bench.names == ["late"]
    bench.run(20, 0.3)
    assert bench.names == ["late"], "it is still late"
    bench.run(9.5, 0.1)
    assert bench.names == ["late"]
    bench.run(1, 0.1)
    assert bench.names == []


def test_the_condition_does_not_flood_health(bench: LagBench) -> None:
    reasons = set()
    for lag_s in (0.6, 1.3, 7.0):
        bench.run(2, lag_s)
        reasons |= {condition.reason for condition in bench.conditions.active}
    assert len(reasons) == 1
