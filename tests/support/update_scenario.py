"""Model updates of a daemon without workers, on a disk in memory: the test plays the workers, the installer and the clock."""

import errno
from dataclasses import dataclass, field
from pathlib import Path

from edged.config.settings import Settings, UpdateSettings
from edged.health import Conditions
from edged.updates.installer.messages import InstallFinished
from edged.updates.rules.ledger import DeploymentRequest
from edged.updates.service.control_messages import ControlRequest, ControlResponse, InstallRequest
from edged.updates.service.control_socket import PendingControlRequest
from edged.updates.service.drop_folder import DropFolder
from edged.updates.service.repository import ModelRepository
from edged.updates.service.service import UpdateService
from edged.updates.service.store_steps import StoreSteps
from edged.updates.service.system_sample import FrameCounts, SystemSample
from edged.updates.service.trial_monitor import TrialMonitor
from edged.updates.store.lock import StoreLock
from edged.updates.store.store import ModelStore
from edged.vision.active_model import ActiveModel
from support.clock import FakeClock
from support.disk import STORE_ROOT, FailingFiles, MemoryDisk
from support.scripted_disk_queue import ScriptedDiskQueue
from support.store_device import AT, SampleVersion, StoreDevice
from support.worker_messages import model_ready, observation, shadow_comparison

CHANGING_CALLS = frozenset(
    ["make_folder", "create", "open_for_append", "write", "make_link", "rename", "remove_folder"]
)
"""The calls that a read-only disk refuses; `remove` of a missing file succeeds there."""
SETTINGS = Settings(updates=UpdateSettings(trust=Path("/trust.json"), channel=True))


NO_PROCESS = 1 << 22
"""More than the id of any process."""


class FakeInstall:
    """A started installation; the test does its work in the store. Once killed, it ends when the supervisor's loop runs again."""

    def __init__(self) -> None:
        self.pid = NO_PROCESS
        self.is_killed = self.has_ended = False

    def kill(self) -> None:
        self.is_killed = True


@dataclass
class Scenario:
    """A daemon's update service without workers; the test plays them.

    Attributes:
        folder: folder for the store's lock and the drop folder.
        disk: the disk of the store.
        settings: the configuration.
        boot: id of the boot.
    """

    folder: Path
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    settings: Settings = SETTINGS
    boot: str = "boot"

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.queue = ScriptedDiskQueue(self.clock)
        """The queue of the store's disk."""
        self.other_queue = ScriptedDiskQueue(self.clock)
        """The queue of another disk."""
        self.conditions = Conditions()
        self.installs: list[tuple[bytes, FakeInstall]] = []
        self.models: list[ActiveModel] = []
        """The active models that the workers were to run, one after the other."""
        self.frames = 0
        self.disk_fails = False
        """Every call to the disk fails."""
        self.is_read_only = False
        """Every call that changes the disk fails."""
        files = FailingFiles(self.disk, errno.EROFS, self._fails)
        self.disk_calls = files.calls
        self.store = ModelStore(STORE_ROOT, files.as_files())

    def start(self) -> "Scenario":
        if not self.disk.exists(STORE_ROOT):
            self.disk.make_folder(STORE_ROOT)
        self.compose()
        self.updates.start(self.models.append)
        return self

    def compose(self) -> None:
        self.lock = StoreLock(self.folder / "store")
        self.trial = TrialMonitor(self.clock)
        self.steps = StoreSteps(
            ModelRepository(self.store, self.settings, now=lambda: AT),
            lock=self.lock,
            drop_folder=DropFolder(self.folder / "drop"),
            boot_id=self.boot,
        )
        self.updates = UpdateService(
            self.steps,
            disk=self.queue,
            other_disks=(self.other_queue,),
            settings=self.settings,
            trial_monitor=self.trial,
            conditions=self.conditions,
            clock=self.clock,
            start_installer=self._start_install,
        )

    def restart_after_kill(self) -> "Scenario":
        """Start the daemon again on the same host, after it was killed."""
        self.lock.release()
        again = Scenario(self.folder, self.disk, self.settings, self.boot)
        return again.start()

    def stop(self) -> bool:
        """Stop properly; return whether that was recorded in no time."""
        self.updates.begin_stop()
        return self.queue.finish(0.0)

    def send(self, request: ControlRequest) -> list[ControlResponse]:
        """Send a request; return a list that gets its response."""
        responses: list[ControlResponse] = []
        self.updates.process_message(PendingControlRequest(request, responses.append))
        self.end_killed_installs()
        return responses

    def execute(self, request: ControlRequest) -> ControlResponse:
        """Send a request, and return its response."""
        (response,) = self.send(request)
        return response

    def apply_settings(self, settings: Settings) -> ActiveModel:
        """Use another configuration, and return the active model."""
        models: list[ActiveModel] = []
        self.updates.apply_settings(settings, models.append)
        (model,) = models
        return model

    def end_killed_installs(self) -> None:
        """Let every installer that was killed end."""
        for _, child in self.installs:
            if child.is_killed and not child.has_ended:
                child.has_ended = True
                error = "the installer was killed by SIGKILL"
                self.updates.process_message(InstallFinished(error=error))

    def _fails(self, calls: list[str]) -> bool:
        return self.disk_fails or (self.is_read_only and calls[-1] in CHANGING_CALLS)

    def _start_install(self, _settings: Settings, desired: bytes) -> FakeInstall:
        child = FakeInstall()
        self.installs.append((desired, child))
        return child

    def run(
        self,
        seconds: float,
        *,
        fps: int = 10,
        throttled: bool = False,
        obstacle: str | None = None,
        is_camera_lost: bool = False,
    ) -> None:
        """Let the active model run for so long, in ticks of a quarter of a second.

        Args:
            seconds: how long.
            fps: frames a second.
            throttled: whether the board is throttled.
            obstacle: what else keeps the device from working.
            is_camera_lost: the camera gives no frames.
        """
        self.apply_active_model()
        for _ in range(int(seconds * 4)):
            self.clock.sleep(0.25)
            self.end_killed_installs()
            self.queue.poll()
            for _ in range(0 if is_camera_lost else fps // 4 + 1):
                self.frames += 1
                self.trial.on_observation(observation(self.frames))
                if self.updates.active_model.shadow and self.frames % 10 == 0:
                    is_first = self.frames % 20 == 0
                    self.trial.on_plan_message(shadow_comparison(is_new_first=is_first))
            frames = FrameCounts(
                captured=self.frames,
                inferred=self.frames,
                failed=0,
                is_online=not is_camera_lost,
            )
            self.updates.tick(
                SystemSample(
                    throttled=throttled,
                    worker_count=1,
                    cameras={"a": frames},
                    largest_worker_mb=80.0,
                    obstacle=obstacle,
                )
            )
            self.apply_active_model()

    def apply_active_model(self) -> None:
        """Report, as a worker does, that the active model runs."""
        if getattr(self, "_applied_model", None) != self.updates.active_model:
            self._applied_model = self.updates.active_model
            self.trial.on_ready(model_ready(model_name=self.updates.active_model.name or "factory"))

    @property
    def blocked_reason(self) -> str:
        in_flight = self.updates.status().deployment
        return in_flight.blocked_reason if in_flight else ""

    @property
    def state(self) -> str:
        in_flight = self.updates.status().deployment
        return in_flight.state if in_flight else ""

    @property
    def held_conditions(self) -> set[str]:
        return {condition.name for condition in self.conditions.active}


def request(source: str = "https://example.org/a.edgem") -> InstallRequest:
    return InstallRequest(request=DeploymentRequest(source=source))


def staged_scenario(folder: Path, new: SampleVersion, *before: SampleVersion) -> Scenario:
    """Return a device on which `before` was installed, and `new` is in flight, self-tested."""
    scenario = Scenario(folder)
    device = StoreDevice(scenario.disk, {one.digest: one for one in (new, *before)})
    device.start()
    for one in before:
        device.install(one.digest)
    device.begin(new.digest)
    while device.ledger.deployment and device.ledger.deployment.state != "self-tested":
        device.step()
    return scenario.start()
