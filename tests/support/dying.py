"""A device on which processes die or hang wherever a test wants it, all in one process and without waiting.

Real are the daemon's updates, its store and the installer. The disk is in memory, and what was written is there after a death (what of it
a power cut may take, others find out); the cameras and the workers are what is said of them here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from edged.config.settings import Settings, UpdateSettings
from edged.health import Conditions
from edged.host.files import Files
from edged.types import Detections
from edged.updates.installer.installer import Installer
from edged.updates.installer.messages import Finished
from edged.updates.rules.compatibility import Host
from edged.updates.rules.ledger import Ledger, Past, Request, read_ledger
from edged.updates.service.control_messages import Install
from edged.updates.service.drop_folder import Drops
from edged.updates.service.repository import Keeper
from edged.updates.service.service import Updates
from edged.updates.service.trial_monitor import Frames, Surroundings, Trial
from edged.updates.store.lock import StoreLock
from edged.updates.store.store import LEDGER, Store
from edged.vision.messages import Faltered, Observation, Ready
from support.bundles import Signing
from support.clock import FakeClock
from support.disk import ROOT, MemoryDisk
from support.installation import AT, Device, Made

SIGNING = Signing()
SETTINGS = Settings(updates=UpdateSettings(trust=Path("/trust.json"), reserve_mb=0))
HOST = Host(
    edged="0.1.0",
    runtimes={"litert": "2.1"},
    architecture="aarch64",
    board="Raspberry Pi 4 Model B",
    edgetpu_runtime="",
    free_bytes=1 << 30,
    memory_mb=2048,
)
_TICK_S, _LONG_TICK_S = 0.25, 10.0
_FRAMES_A_TICK = 5
_MOST_TICKS = 20_000
_FALTERS_AFTER_TICKS = 2
_MS = 1_000_000

Actor = Literal["daemon", "installer"]
Fate = Literal["lives", "dies", "dies alone", "hangs"]
"""Alone: the installer, while the daemon lives."""


class DeathError(BaseException):
    """The process is gone: nothing in it catches that."""


class HangError(BaseException):
    """The process does nothing any more."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What somebody is about to do.

    Attributes:
        actor: who.
        call: a method of the disk; or "tick", of the daemon.
        state: of the deployment, or its outcome, as the ledger has it; "" before it was asked for.
        number: the how manieth moment of this process in this state, from 1 on; 0 while the daemon starts.
        writes: the state that the ledger is to have after this call; "" if it does not change the ledger.
    """

    actor: Actor
    call: str
    state: str
    number: int
    writes: str


@dataclass
class DyingDevice:
    """See the module.

    Attributes:
        folder: for the store's lock.
        bundle: to be installed.
        old: the version that was committed before.
        fate: what happens at a moment.
        doomed: the new model falters in its trial.
        boots: each death is one of the host.
        watch: shown the updates of the daemon after its start, and after each tick.
    """

    folder: Path
    bundle: Path
    old: Made
    fate: Callable[[Moment], Fate] = lambda _: "lives"
    doomed: bool = False
    boots: bool = False
    watch: Callable[[Updates], None] = lambda _: None
    disk: MemoryDisk = field(default_factory=MemoryDisk)

    def __post_init__(self) -> None:
        device = Device(self.disk, {self.old.digest: self.old})
        device.start()
        device.install(self.old.digest)
        self.clock = FakeClock()
        self.moments: list[Moment] = []
        self.deaths = self.hangs = 0

    @property
    def ledger(self) -> Ledger:
        """As it stands on the disk."""
        return Store(ROOT, self.disk).ledger()

    @property
    def state(self) -> str:
        """Of the deployment, or its outcome."""
        return self._state_in(self.ledger)

    def install(self) -> Past:
        """Ask for the bundle, and go on until it is over: how it ended."""
        while True:
            lock = StoreLock(self.folder / "store")
            boot = str(self.deaths) if self.boots else "boot"
            try:
                return _Life(self, lock, boot).live()
            except DeathError:
                self.deaths += 1
            finally:
                lock.release()

    def meet(self, actor: Actor, call: str, number: int, content: bytes = b"") -> None:
        """A moment has come; the content is what the ledger is to have."""
        writes = self._state_in(read_ledger(content)) if content else ""
        moment = Moment(actor, call, self.state, number, writes)
        self.moments.append(moment)
        match self.fate(moment):
            case "dies":
                raise DeathError
            case "dies alone":
                raise DeathError("alone")
            case "hangs":
                raise HangError
            case "lives":
                pass

    def _state_in(self, ledger: Ledger) -> str:
        if ledger.deployment is not None:
            return ledger.deployment.state
        last = ledger.past[-1]
        return last.outcome if last.source == str(self.bundle) else ""


class _MortalFiles:
    """The device's disk in the hands of one process."""

    def __init__(self, device: DyingDevice, actor: Actor) -> None:
        self._device = device
        self._actor = actor
        self._counted = ("", 0)
        self.starting = False

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = cast("Callable[..., object]", getattr(self._device.disk, name))

        def call(*arguments: object) -> object:
            self.meet(name, *arguments)
            return method(*arguments)

        return method if name == "close" else call

    def meet(self, name: str, *arguments: object) -> None:
        state, count = self._counted
        now = self._device.state
        count = count + 1 if state == now else 1
        if not self.starting:
            self._counted = (now, count)
        content = b""
        if name == "rename" and arguments[1] == ROOT / LEDGER:
            content = self._device.disk.read(cast("Path", arguments[0]), 1 << 20)
        self._device.meet(self._actor, name, 0 if self.starting else count, content)


class _Child:
    """An installer that was started."""

    def __init__(self) -> None:
        self.hung = self.killed = False

    def kill(self) -> None:
        self.killed = True


class _Life:
    """One run of the daemon."""

    def __init__(self, device: DyingDevice, lock: StoreLock, boot: str) -> None:
        self._device = device
        self._child: _Child | None = None
        self._looks: object = None
        self._frames = self._ticks_in_trial = 0
        self._files = _MortalFiles(device, "daemon")
        self._trial = Trial(device.clock)
        self._files.starting = True
        self._updates = Updates(
            Keeper(Store(ROOT, cast("Files", self._files)), SETTINGS, now=lambda: AT),
            lock=lock,
            trial=self._trial,
            drops=Drops(device.folder / "drops"),
            boot=boot,
            conditions=Conditions(),
            clock=device.clock,
            start_install=lambda _settings, _desired: self._start(),
        )
        self._files.starting = False

    def live(self) -> Past:
        device = self._device
        device.watch(self._updates)
        for _ in range(_MOST_TICKS):
            if not device.state:  # whoever asked has no answer, and asks again
                request = Request(source=str(device.bundle))
                assert not self._updates.answer(Install(request=request)).error
            self._run_child()
            self._tick()
            device.watch(self._updates)
            if device.ledger.deployment is None and self._child is None:
                self._tick()
                return device.ledger.past[-1]
        raise AssertionError(f"it does not come to an end: {device.ledger}")

    def _start(self) -> _Child:
        self._child = _Child()
        return self._child

    def _run_child(self) -> None:
        child, device = self._child, self._device
        if child is None or child.killed:
            self._child = None
            return
        if child.hung:
            return
        error = ""
        try:
            self._advance()
        except DeathError as death:
            if not death.args:
                raise
            device.deaths += 1
            error = "the installer was killed by SIGKILL"
        except HangError:
            device.hangs += 1
            child.hung = True
            return
        self._child = None
        self._updates.take(Finished(error=error))

    def _advance(self) -> None:
        """As `edged.updates.installer.main` does."""
        device = self._device
        files = cast("Files", _MortalFiles(device, "installer"))
        store = Store(ROOT, files)
        Installer(
            store,
            files=files,
            trust=lambda: SIGNING.trust,
            host=lambda: HOST,
            prove=lambda _: None,
            clock=device.clock,
            tell=lambda _: None,
        ).advance(store.open())

    def _tick(self) -> None:
        updates = self._updates
        in_flight = self._device.ledger.deployment
        waits = in_flight is not None and (in_flight.hindrance or self._child)
        self._device.clock.sleep(_LONG_TICK_S if waits else _TICK_S)
        if self._looks != updates.choice:
            self._looks = updates.choice
            self._trial.ready(_ready(updates.choice.name))
        for _ in range(_FRAMES_A_TICK):
            self._frames += 1
            self._trial.observed(_observation(self._frames))
        if in_flight is not None and in_flight.state == "trial":
            self._ticks_in_trial += 1
            if self._device.doomed and self._ticks_in_trial > _FALTERS_AFTER_TICKS:
                self._trial.told(
                    Faltered(kind="nonsense", plan=1, camera=0, frame_seq=1, reason="not a number")
                )
        self._files.meet("tick")
        frames = Frames(captured=self._frames, inferred=self._frames, failed=0)
        updates.tick(
            Surroundings(throttled=False, workers=1, cameras={"a": frames}, memory_mb=80.0)
        )


def _ready(model: str) -> Ready:
    return Ready(
        model=model,
        sha256="0" * 64,
        family="ssd",
        runtime="simulated",
        delegate="",
        input_width=1,
        input_height=1,
        labels=(),
    )


def _observation(seq: int) -> Observation:
    return Observation(
        camera=0,
        frame_seq=seq,
        captured_ns=seq,
        received_ns=seq,
        width=4,
        height=4,
        wait_ns=0,
        encode_ns=_MS,
        invoke_ns=5 * _MS,
        decode_ns=_MS,
        moving=False,
        detections=Detections.empty(),
    )
