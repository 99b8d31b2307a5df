"""What is done to a store, from the first model to going back: each once, recorded in memory."""

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count

from edged.errors import StoreError
from edged.host.files import FileSystem
from edged.updates.store.versions import VERSIONS_NAME
from support.disk import (
    STORE_ROOT,
    BytesWritten,
    DiskEvent,
    DiskTree,
    FailingFiles,
    MemoryDisk,
    NamesChanged,
    PowerCutError,
    Synced,
)
from support.durability_oracle import LEDGER_PATH, NEXT_VERSION, GuaranteeSpan, OracleDevice
from support.store_device import StoreDevice, make_version

VERSIONS_BY_SOURCE = {
    "one": make_version("1", counter=1),
    "two": make_version("2", counter=2, epoch=1),
    "three": make_version("3", counter=3, epoch=2),
    "same epoch": make_version("4", counter=4, epoch=2),
    "broken": make_version("5", counter=5, epoch=3, fails_at="self-test"),
    "blind": make_version("6", counter=6, epoch=3, fails_at="trial"),
    NEXT_VERSION: make_version("9", counter=9, epoch=9),
}


@dataclass(frozen=True)
class SequenceRecording:
    """What a sequence did to the disk, and what was promised meanwhile.

    Attributes:
        disk: with its log.
        spans: the promises, from the interruption on.
        interrupted_at: how many events there were before it; 0 if there was none.
    """

    disk: MemoryDisk
    spans: tuple[GuaranteeSpan, ...]
    interrupted_at: int = 0

    def needed_syncs(self) -> list[int]:
        """The numbers of the syncs that make something durable: after an interruption, something that was there before it.

        What still has the name of something partial is of no account: it is removed anyhow.
        """
        log = self.disk.log
        return [
            at
            for at, event in enumerate(log)
            if at >= self.interrupted_at and self._is_needed(at, event)
        ]

    def _is_needed(self, at: int, sync: DiskEvent) -> bool:
        if not isinstance(sync, Synced):
            return False
        for before in reversed(range(at)):
            match self.disk.log[before]:
                case Synced(node) if node == sync.node:
                    return False
                case BytesWritten(file) if file == sync.node:
                    return self._is_relevant(before)
                case NamesChanged(folder, changes) if folder == sync.node and any(
                    not name.endswith(".new") for name, _ in changes
                ):
                    return self._is_relevant(before)
        return False

    def _is_relevant(self, event: int) -> bool:
        return event < self.interrupted_at or self.interrupted_at == 0


@dataclass(frozen=True)
class StoreSequence:
    """Something that is done to a store.

    Attributes:
        name: in words.
        action: what begins it; what follows from that is done then.
        installed_before: what was installed before.
        damage: what happened to the disk then.
        damaged_versions: the versions that were damaged by that.
    """

    name: str
    action: Callable[[StoreDevice], None]
    installed_before: tuple[str, ...] = ()
    damage: Callable[[DiskTree], None] = lambda _: None
    damaged_versions: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.name

    def initial_tree(self) -> DiskTree:
        """What is on the disk at first."""
        tree = dict(_installed(self.installed_before))
        self.damage(tree)
        return tree

    def run(self, device: StoreDevice) -> None:
        """Do it, or go on with it after a `StoreError`."""
        if not device.is_started:
            device.start()
        if device.ledger.deployment is None and len(device.ledger.past) == len(
            self.installed_before
        ):
            self.action(device)
        device.finish()

    def record(self) -> SequenceRecording:
        """Do it."""
        disk = MemoryDisk(self.initial_tree())
        device = self.make_device(disk)
        self.run(device)
        device.current_guarantee()
        return SequenceRecording(disk, tuple(device.spans))

    def record_with_kills(self) -> Iterator[SequenceRecording]:
        """Do it by a process that is killed before the first event, the second, and so on, each time followed by another one."""
        for before in count():
            disk = MemoryDisk(self.initial_tree(), cut_before=before)
            killed = self.make_device(disk)
            try:
                self.run(killed)
            except PowerCutError:
                disk.cut_before = None
            else:
                return
            device = OracleDevice(disk, VERSIONS_BY_SOURCE, guarantee=killed.current_guarantee())
            self.run(device)
            device.current_guarantee()
            yield SequenceRecording(disk, tuple(device.spans), before)

    def record_with_failures(self, method: str) -> Iterator[SequenceRecording]:
        """Do it while the first call of this method fails, the second, and so on, each time going on after that."""
        for failed in count(1):
            disk = MemoryDisk(self.initial_tree())
            files = FailingFiles(disk, errno.EIO, _on_nth_call(method, failed))
            device = self.make_device(disk, files.as_files())
            try:
                self.run(device)
            except StoreError:
                interrupted = len(disk.log)
            else:
                return
            device.spans.clear()
            self.run(device)
            device.current_guarantee()
            yield SequenceRecording(disk, tuple(device.spans), interrupted)

    def make_device(self, disk: MemoryDisk, files: FileSystem | None = None) -> OracleDevice:
        """One that has not started yet."""
        return OracleDevice(
            disk, VERSIONS_BY_SOURCE, damaged_versions=self.damaged_versions, files=files
        )


@cache
def _installed(sources: tuple[str, ...]) -> DiskTree:
    disk = MemoryDisk()
    device = StoreDevice(disk, VERSIONS_BY_SOURCE)
    for source in sources:
        if not device.is_started:
            device.start()
        device.install(source)
    return disk.tree()


def _on_nth_call(method: str, number: int) -> Callable[[list[str]], bool]:
    return lambda calls: calls[-1] == method and calls.count(method) == number


def install_action(source: str) -> Callable[[StoreDevice], None]:
    return lambda device: device.begin(source)


def no_action(_: StoreDevice) -> None:
    """To be started is enough."""


def _damage_model(source: str) -> Callable[[DiskTree], None]:
    def spoil(tree: DiskTree) -> None:
        tree[
            f"{STORE_ROOT.name}/{VERSIONS_NAME}/{VERSIONS_BY_SOURCE[source].digest}/model.tflite"
        ] = b"bits have rotted"

    return spoil


def _damage_ledger(tree: DiskTree) -> None:
    tree[LEDGER_PATH] = b"{"


def _leave_partial_files(tree: DiskTree) -> None:
    three = f"{STORE_ROOT.name}/{VERSIONS_NAME}/.{VERSIONS_BY_SOURCE['three'].digest}.new"
    tree.update(
        {
            three: None,
            f"{three}/model.tflite": b"half a mod",
            f"{STORE_ROOT.name}/.ledger.json.new": b"{",
        }
    )
    tree.update(
        {
            f"{STORE_ROOT.name}/.current.new": "versions/nothing",
            f"{STORE_ROOT.name}/incoming/.old.part": b"beginning",
        }
    )


SEQUENCES = (
    StoreSequence("the first", install_action("one")),
    StoreSequence("the second", install_action("two"), installed_before=("one",)),
    StoreSequence("the third", install_action("three"), installed_before=("one", "two")),
    StoreSequence("the same again", install_action("two"), installed_before=("one", "two")),
    StoreSequence(
        "the previous again", install_action("three"), installed_before=("three", "same epoch")
    ),
    StoreSequence("fails its self-test", install_action("broken"), installed_before=("one", "two")),
    StoreSequence("fails its trial", install_action("blind"), installed_before=("one", "two")),
    StoreSequence(
        "back", StoreDevice.roll_back_to_previous, installed_before=("three", "same epoch")
    ),
    StoreSequence(
        "back to the factory model", StoreDevice.roll_back_to_previous, installed_before=("one",)
    ),
    StoreSequence(
        "mends what has rotted",
        install_action("two"),
        installed_before=("one", "two"),
        damage=_damage_model("two"),
        damaged_versions=frozenset({VERSIONS_BY_SOURCE["two"].digest}),
    ),
    StoreSequence(
        "the ledger is damaged", no_action, installed_before=("one", "two"), damage=_damage_ledger
    ),
    StoreSequence(
        "among leftovers",
        install_action("three"),
        installed_before=("one", "two"),
        damage=_leave_partial_files,
    ),
)
