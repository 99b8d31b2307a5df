"""A device whose processes crash or hang at any point, all in one process and without waiting.

The update service, the store and the installer are real. The disk is in memory, and keeps what was written before a crash (the tests of crash
states are about power cuts); cameras and workers are simulated.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from edged.config.settings import Settings, UpdateSettings
from edged.health import Conditions
from edged.host.files import FileSystem
from edged.updates.installer.installer import Installer
from edged.updates.installer.messages import InstallFinished
from edged.updates.rules.compatibility import HostInfo
from edged.updates.rules.ledger import DeploymentRecord, DeploymentRequest, Ledger, decode_ledger
from edged.updates.service.control_messages import ControlResponse, InstallRequest
from edged.updates.service.control_socket import PendingControlRequest
from edged.updates.service.drop_folder import DropFolder
from edged.updates.service.repository import ModelRepository
from edged.updates.service.service import UpdateService
from edged.updates.service.store_steps import StoreSteps
from edged.updates.service.system_sample import FrameCounts, SystemSample
from edged.updates.service.trial_monitor import TrialMonitor
from edged.updates.store.ledger_file import LEDGER_NAME
from edged.updates.store.lock import StoreLock
from edged.updates.store.store import ModelStore
from support.bundles import SigningKeys
from support.clock import FakeClock
from support.disk import STORE_ROOT, MemoryDisk
from support.scripted_disk_queue import DiskHang, ScriptedDiskQueue
from support.store_device import AT, SampleVersion, StoreDevice
from support.update_scenario import NO_PROCESS
from support.worker_messages import candidate_failure, model_ready, observation

SIGNING = SigningKeys()
SETTINGS = Settings(updates=UpdateSettings(trust=Path("/trust.json"), reserve_mb=0))
HOST = HostInfo(
    edged_version="0.1.0",
    runtimes={"litert": "2.1"},
    architecture="aarch64",
    board="Raspberry Pi 4 Model B",
    edgetpu_runtime=None,
    free_bytes=1 << 30,
    memory_mb=2048,
)
_TICK_S, _LONG_TICK_S = 0.25, 1.0  # a longer step would be a pause, of which only a part counts
_FRAMES_A_TICK = 5
_MAX_TICKS = 20_000
_FAILS_AFTER_TICKS = 2
_MS = 1_000_000

Actor = Literal["daemon", "installer"]
InjectedFault = Literal["none", "crash", "installer crash", "hang"]
""""crash" ends the daemon with its installer, "installer crash" the installer alone."""


class ProcessCrashedError(BaseException):
    """Raised where a process crashes; nothing in it catches this."""


class ProcessHungError(BaseException):
    """Raised where a process hangs; nothing in it catches this."""


@dataclass(frozen=True, slots=True)
class FaultPoint:
    """A call that a process is about to make.

    Attributes:
        actor: the process.
        call: a method of the file system, or "tick" of the daemon, or "tick, silent disk" while a job hangs.
        state: state of the deployment in the ledger, or its outcome; "" before it was requested.
        occurrence: number of this call among those of the process in this state, from 1; 0 while the daemon starts.
        new_state: the state in the ledger after this call; "" if the call does not change the ledger.
    """

    actor: Actor
    call: str
    state: str
    occurrence: int
    new_state: str


@dataclass
class CrashDevice:
    """A device with a committed version, which installs a bundle.

    Attributes:
        folder: folder for the store's lock.
        bundle: the bundle.
        old_version: the version that was committed before.
        inject: returns the fault at a fault point.
        model_falters: whether the new model fails in its trial.
        reboots_host: whether each crash is one of the host.
        on_tick: called with the update service after the daemon's start, and after each tick.
        disk: the disk.
        find_hang: returns how a job of the store's disk hangs, by its number in each run of the daemon.
    """

    folder: Path
    bundle: Path
    old_version: SampleVersion
    inject: Callable[[FaultPoint], InjectedFault] = lambda _: "none"
    model_falters: bool = False
    reboots_host: bool = False
    on_tick: Callable[[UpdateService], None] = lambda _: None
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    find_hang: Callable[[int], DiskHang | None] = lambda _: None

    def __post_init__(self) -> None:
        device = StoreDevice(self.disk, {self.old_version.digest: self.old_version})
        device.start()
        device.install(self.old_version.digest)
        self.clock = FakeClock()
        self.fault_points: list[FaultPoint] = []
        self.crashes = self.hangs = 0

    @property
    def ledger(self) -> Ledger:
        """The ledger on the disk."""
        return ModelStore(STORE_ROOT, self.disk).read_ledger()

    @property
    def state(self) -> str:
        """The state of the deployment, or its outcome."""
        return self._state_in(self.ledger)

    def install(self) -> DeploymentRecord:
        """Install the bundle over any number of crashes, and return its record."""
        while True:
            lock = StoreLock(self.folder / "store")
            boot = str(self.crashes) if self.reboots_host else "boot"
            try:
                return _DaemonRun(self, lock, boot).run()
            except ProcessCrashedError:
                self.crashes += 1
            finally:
                lock.release()

    def reach(self, actor: Actor, call: str, occurrence: int, content: bytes = b"") -> None:
        """Reach a fault point, and raise what is injected there.

        Args:
            actor: the process.
            call: what it is about to call.
            occurrence: as in `FaultPoint`.
            content: content of the ledger after this call; empty if it does not change.
        """
        new_state = self._state_in(decode_ledger(content)) if content else ""
        point = FaultPoint(actor, call, self.state, occurrence, new_state)
        self.fault_points.append(point)
        match self.inject(point):
            case "crash":
                raise ProcessCrashedError
            case "installer crash":
                raise ProcessCrashedError("installer")
            case "hang":
                raise ProcessHungError
            case "none":
                pass

    def _state_in(self, ledger: Ledger) -> str:
        if ledger.deployment is not None:
            return ledger.deployment.state
        last = ledger.past[-1]
        return last.outcome if last.source == str(self.bundle) else ""


class _FaultInjectingFiles:
    """The device's disk as one process uses it: each call is a fault point."""

    def __init__(self, device: CrashDevice, actor: Actor) -> None:
        self._device = device
        self._actor = actor
        self._last_occurrence = ("", 0)
        self.is_starting = False

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = cast("Callable[..., object]", getattr(self._device.disk, name))

        def call(*arguments: object) -> object:
            self.reach(name, *arguments)
            return method(*arguments)

        return method if name == "close" else call

    def reach(self, name: str, *arguments: object) -> None:
        state, count = self._last_occurrence
        now = self._device.state
        count = count + 1 if state == now else 1
        if not self.is_starting:
            self._last_occurrence = (now, count)
        content = b""
        if name == "rename" and arguments[1] == STORE_ROOT / LEDGER_NAME:
            content = self._device.disk.read(cast("Path", arguments[0]), 1 << 20)
        self._device.reach(self._actor, name, 0 if self.is_starting else count, content)


class _InstallerProcess:
    """A started installer."""

    pid = NO_PROCESS

    def __init__(self) -> None:
        self.is_hung = self.is_killed = False

    def kill(self) -> None:
        self.is_killed = True


class _DaemonRun:
    """One run of the daemon, from its start to its end or crash."""

    def __init__(self, device: CrashDevice, lock: StoreLock, boot: str) -> None:
        self._device = device
        self._installer: _InstallerProcess | None = None
        self._active_model: object = None
        self._frames = self._ticks_in_trial = 0
        self._files = _FaultInjectingFiles(device, "daemon")
        self._trial = TrialMonitor(device.clock)
        self._queue = ScriptedDiskQueue(device.clock, device.find_hang)
        self._is_requested = False
        self._files.is_starting = True
        steps = StoreSteps(
            ModelRepository(
                ModelStore(STORE_ROOT, cast("FileSystem", self._files)), SETTINGS, now=lambda: AT
            ),
            lock=lock,
            drop_folder=DropFolder(device.folder / "drop"),
            boot_id=boot,
        )
        self._updates = UpdateService(
            steps,
            disk=self._queue,
            settings=SETTINGS,
            trial_monitor=self._trial,
            conditions=Conditions(),
            clock=device.clock,
            start_installer=lambda _settings, _desired: self._start_installer(),
        )
        self._updates.start(lambda _: None)
        self._files.is_starting = False

    def run(self) -> DeploymentRecord:
        device = self._device
        device.on_tick(self._updates)
        for _ in range(_MAX_TICKS):
            if not device.state and not self._is_requested:  # it was lost: it is repeated
                request = DeploymentRequest(source=str(device.bundle))
                self._send(InstallRequest(request=request))
            self._run_installer()
            self._tick()
            device.on_tick(self._updates)
            has_ended = device.ledger.deployment is None and self._installer is None
            if device.state and has_ended and not self._queue.is_hanging:
                self._tick()
                return device.ledger.past[-1]
        raise AssertionError(f"the installation does not end: {device.ledger}")

    def _send(self, request: InstallRequest) -> None:
        self._is_requested = True
        self._updates.process_message(PendingControlRequest(request, self._receive_response))

    def _receive_response(self, response: ControlResponse) -> None:
        refusals = ("does not answer", "is being installed")
        assert not response.error or any(words in response.error for words in refusals)
        self._is_requested = False

    def _start_installer(self) -> _InstallerProcess:
        self._installer = _InstallerProcess()
        return self._installer

    def _run_installer(self) -> None:
        child, device = self._installer, self._device
        if child is None:
            return
        if child.is_killed:
            self._installer = None
            self._updates.process_message(InstallFinished(error="the installer was killed"))
            return
        if child.is_hung:
            return
        error = ""
        try:
            self._advance_install()
        except ProcessCrashedError as crash:
            if not crash.args:
                raise
            device.crashes += 1
            error = "the installer was killed by SIGKILL"
        except ProcessHungError:
            device.hangs += 1
            child.is_hung = True
            return
        self._installer = None
        self._updates.process_message(InstallFinished(error=error))

    def _advance_install(self) -> None:
        """Run the installer as `edged.updates.installer.main` does."""
        device = self._device
        files = cast("FileSystem", _FaultInjectingFiles(device, "installer"))
        store = ModelStore(STORE_ROOT, files)
        Installer(
            store,
            files=files,
            get_trust=lambda: SIGNING.trust,
            get_host=lambda: HOST,
            run_self_test=lambda _: None,
            clock=device.clock,
            on_progress=lambda _: None,
        ).advance(store.open())

    def _tick(self) -> None:
        updates = self._updates
        in_flight = self._device.ledger.deployment
        waits = in_flight is not None and (in_flight.blocked_reason or self._installer)
        self._device.clock.sleep(_LONG_TICK_S if waits else _TICK_S)
        if self._active_model != updates.active_model:
            self._active_model = updates.active_model
            self._trial.on_ready(model_ready(model_name=updates.active_model.name or "marks"))
        for _ in range(_FRAMES_A_TICK):
            self._frames += 1
            self._trial.on_observation(observation(self._frames))
        if in_flight is not None and in_flight.state == "trial":
            self._ticks_in_trial += 1
            if self._device.model_falters and self._ticks_in_trial > _FAILS_AFTER_TICKS:
                self._trial.on_plan_message(candidate_failure(kind="nonsense"))
        self._files.reach("tick, silent disk" if self._queue.is_hanging else "tick")
        self._queue.poll()
        frames = FrameCounts(captured=self._frames, inferred=self._frames, failed=0)
        updates.tick(
            SystemSample(
                throttled=False, worker_count=1, cameras={"a": frames}, largest_worker_mb=80.0
            )
        )
