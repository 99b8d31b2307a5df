"""The configuration is read again in a disk's thread; requests meanwhile are one."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from edged.config.layers import ConfigLayers
from edged.config.load import LoadedConfig
from edged.config.settings import Settings
from edged.daemon.reload import ConfigReloader
from edged.errors import ConfigError
from edged.health import Conditions
from support.clock import FakeClock

T = TypeVar("T")
LOADED = LoadedConfig(
    settings=Settings(), warnings=(), layers=ConfigLayers(table={}, files=(), locations={})
)


class ReloadBench:
    """A reloader whose disk answers when the test wants: its own disk queue."""

    silent_s = 0.0

    def __init__(self) -> None:
        self.jobs: list[Callable[[], object]] = []
        self.results: list[Settings | None] = []
        self.fault: Exception | None = None
        self.conditions = Conditions()
        self.reloader = ConfigReloader(
            Settings(),
            load=self._load,
            disk=self,
            on_settings=self.results.append,
            conditions=self.conditions,
            clock=FakeClock(),
        )

    def _load(self) -> LoadedConfig:
        if self.fault is not None:
            raise self.fault
        return LOADED

    def submit(self, job: Callable[[], T], on_done: Callable[[T], object]) -> None:
        self.jobs.append(lambda: on_done(job()))

    def finish(self, timeout_s: float) -> bool:
        del timeout_s
        return not self.jobs


@pytest.fixture
def bench() -> ReloadBench:
    return ReloadBench()


def test_a_configuration_is_handed_over_when_the_disk_has_answered(bench: ReloadBench) -> None:
    bench.reloader.request()
    assert bench.results == []
    bench.jobs.pop()()
    assert bench.results == [LOADED.settings]


def test_requests_while_the_disk_is_silent_are_one(bench: ReloadBench) -> None:
    for _ in range(5):
        bench.reloader.request()
    assert len(bench.jobs) == 1
    bench.jobs.pop()()
    assert bench.results == [], "what was read may be older than the last request"
    bench.jobs.pop()()
    assert bench.results == [LOADED.settings]
    assert not bench.jobs


@pytest.mark.parametrize("fault", [ConfigError("no camera"), RuntimeError("no camera")])
def test_what_cannot_be_read_changes_nothing_and_is_a_condition(
    bench: ReloadBench, fault: Exception
) -> None:
    bench.fault = fault
    bench.reloader.request()
    bench.jobs.pop()()
    assert bench.results == [None]
    (condition,) = bench.conditions.active
    assert condition.name == "config"
    assert "no camera" in condition.reason
    bench.fault = None
    bench.reloader.request()
    bench.jobs.pop()()
    assert bench.results == [None, LOADED.settings]
    assert not bench.conditions.active
