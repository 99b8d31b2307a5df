"""The update service with its real thread, on a real loop and a real disk that stops to answer."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edged.clock import SystemClock
from edged.config.settings import Settings, UpdateSettings
from edged.disk_thread import DiskThread
from edged.event_loop import EventLoop
from edged.health import Conditions
from edged.host.files import LocalFileSystem
from edged.updates.rules.ledger import DeploymentRequest
from edged.updates.service.control_messages import (
    ControlRequest,
    ControlResponse,
    InstallRequest,
    StatusRequest,
)
from edged.updates.service.control_socket import PendingControlRequest
from edged.updates.service.drop_folder import DropFolder
from edged.updates.service.repository import ModelRepository
from edged.updates.service.service import UpdateService
from edged.updates.service.store_steps import StoreSteps
from edged.updates.service.system_sample import SystemSample
from edged.updates.service.trial_monitor import TrialMonitor
from edged.updates.store.lock import StoreLock
from edged.updates.store.store import ModelStore
from edged.vision.active_model import ActiveModel
from support.store_device import AT
from support.update_scenario import FakeInstall
from support.waiting import wait_for

SAMPLE = SystemSample(throttled=False, worker_count=1, cameras={}, largest_worker_mb=None)
MAX_WAIT_S = 30.0


class StallingFiles(LocalFileSystem):
    """A disk that makes nothing durable while `answers` is not set."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.answers.set()
        self.is_waiting = threading.Event()

    def sync(self, descriptor: int) -> None:
        if not self.answers.is_set():
            self.is_waiting.set()
            assert self.answers.wait(MAX_WAIT_S)
        super().sync(descriptor)


@dataclass
class Station:
    """An update service on a loop, and what it did."""

    folder: Path
    loop: EventLoop
    files: StallingFiles = field(default_factory=StallingFiles)

    def __post_init__(self) -> None:
        self.store_folder = self.folder / "models"
        self.store_folder.mkdir(exist_ok=True)
        self.store = ModelStore(self.store_folder, self.files)
        self.lock = StoreLock(self.store_folder)
        self.models: list[ActiveModel] = []
        self.installs: list[str] = []
        """The name of the thread in which each installer was started."""
        clock = SystemClock()
        settings = Settings(updates=UpdateSettings(trust=self.folder / "trust.json"))
        self.updates = UpdateService(
            StoreSteps(
                ModelRepository(self.store, settings, now=lambda: AT),
                lock=self.lock,
                drop_folder=DropFolder(self.folder / "drop"),
                boot_id="boot",
            ),
            disk=DiskThread("model-store", clock=clock, post=self.loop.call_soon),
            settings=settings,
            trial_monitor=TrialMonitor(clock),
            conditions=Conditions(),
            clock=clock,
            start_installer=lambda _settings, _desired: self._start_installer(),
        )

    def send(self, request: ControlRequest) -> list[ControlResponse]:
        responses: list[ControlResponse] = []
        self.updates.process_message(PendingControlRequest(request, responses.append))
        return responses

    def run_until(self, condition: Callable[[], object]) -> None:
        """Run the loop, with a tick in each pass, until this is true."""

        def run_once() -> bool:
            self.loop.run_once(0.01)
            self.updates.tick(SAMPLE)
            return bool(condition())

        wait_for(run_once, timeout_s=MAX_WAIT_S)

    def _start_installer(self) -> FakeInstall:
        self.installs.append(threading.current_thread().name)
        return FakeInstall()


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with EventLoop(SystemClock()) as loop:
        made = Station(tmp_path, loop)
        made.updates.start(made.models.append)
        made.run_until(lambda: made.models)
        yield made
        made.files.answers.set()
        made.updates.begin_stop()
        made.updates.finish_stop(MAX_WAIT_S)
        made.lock.release()


def request() -> InstallRequest:
    return InstallRequest(request=DeploymentRequest(source="https://example.org/a.edgem"))


def test_the_loop_goes_on_and_acts_when_the_disk_answers(station: Station) -> None:
    station.files.answers.clear()
    responses = station.send(request())
    ticks = iter(range(50))
    station.run_until(lambda: station.files.is_waiting.is_set() and next(ticks, None) is None)
    (status,) = station.send(StatusRequest())
    assert (status.error, status.status.deployment, responses) == ("", None, [])
    assert station.installs == []

    station.files.answers.set()
    station.run_until(lambda: station.installs)
    assert station.installs == [threading.current_thread().name]
    assert [one.error for one in responses] == [""]
    deployment = station.store.read_ledger().deployment
    assert deployment is not None
    assert deployment.id == responses[0].id


def test_a_stop_waits_no_longer_than_it_may(station: Station) -> None:
    station.files.answers.clear()
    responses = station.send(request())
    station.run_until(station.files.is_waiting.is_set)
    station.updates.begin_stop()
    station.updates.finish_stop(0.1)
    assert station.files.is_waiting.is_set()
    assert responses == []
    station.files.answers.set()
    station.updates.finish_stop(MAX_WAIT_S)
    assert responses == []
    assert station.installs == []
