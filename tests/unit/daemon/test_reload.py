"""The configuration is read again in a disk's thread; requests meanwhile are one."""

import pytest

from edged.config.layers import ConfigLayers
from edged.config.load import LoadedConfig
from edged.config.settings import Settings
from edged.daemon.reload import ConfigReloader
from edged.errors import ConfigError
from edged.health import Conditions
from support.clock import FakeClock
from support.late_disk import LateDiskQueue

LOADED = LoadedConfig(
    settings=Settings(), warnings=(), layers=ConfigLayers(table={}, files=(), locations={})
)


class ReloadBench:
    """A reloader whose disk answers when the test wants."""

    def __init__(self) -> None:
        self.disk = LateDiskQueue()
        self.results: list[Settings | None] = []
        self.fault: Exception | None = None
        self.conditions = Conditions()
        self.reloader = ConfigReloader(
            Settings(),
            load=self._load,
            disk=self.disk,
            on_settings=self.results.append,
            conditions=self.conditions,
            clock=FakeClock(),
        )

    def _load(self) -> LoadedConfig:
        if self.fault is not None:
            raise self.fault
        return LOADED


@pytest.fixture
def bench() -> ReloadBench:
    return ReloadBench()


def test_a_configuration_is_handed_over_when_the_disk_has_answered(bench: ReloadBench) -> None:
    bench.reloader.request()
    assert bench.results == []
    bench.disk.answer()
    assert bench.results == [LOADED.settings]


def test_requests_while_the_disk_is_silent_are_one(bench: ReloadBench) -> None:
    for _ in range(5):
        bench.reloader.request()
    assert len(bench.disk.jobs) == 1
    bench.disk.answer()
    assert bench.results == [], "what was read may be older than the last request"
    bench.disk.answer()
    assert bench.results == [LOADED.settings]
    assert not bench.disk.jobs


@pytest.mark.parametrize("fault", [ConfigError("no camera"), RuntimeError("no camera")])
def test_what_cannot_be_read_changes_nothing_and_is_a_condition(
    bench: ReloadBench, fault: Exception
) -> None:
    bench.fault = fault
    bench.reloader.request()
    bench.disk.answer()
    assert bench.results == [None]
    (condition,) = bench.conditions.active
    assert condition.name == "config"
    assert "no camera" in condition.reason
    bench.fault = None
    bench.reloader.request()
    bench.disk.answer()
    assert bench.results == [None, LOADED.settings]
    assert not bench.conditions.active


def test_each_problem_is_a_line_of_the_log(
    bench: ReloadBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.fault = ConfigError("edged.toml:2: one\nedged.toml:3: another")
    bench.reloader.request()
    bench.disk.answer()
    lines = [record.getMessage() for record in caplog.records]
    assert lines[-2:] == ["edged.toml:2: one", "edged.toml:3: another"]
