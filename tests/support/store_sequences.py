"""Everything that is done to a store, from the first model to a rollback: each sequence is recorded on a disk in memory."""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

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
    """What a sequence did to the disk, and what was guaranteed meanwhile.

    Attributes:
        disk: the disk with its log.
        spans: the guarantees, from the interruption on.
        interrupted_at: number of events before the interruption; 0 without one.
    """

    disk: MemoryDisk
    spans: tuple[GuaranteeSpan, ...]
    interrupted_at: int = 0

    def needed_syncs(self) -> list[int]:
        """Return the numbers of the syncs that make something durable; after an interruption, something from before it.

        A sync of names that end in ".new" is not needed: what has such a name is removed anyway.
        """
        log = self.disk.log
        return [
            at
            for at, event in enumerate(log)
            if at >= self.interrupted_at and self._is_needed(at, event)
        ]

    def call_site(self, sync: int) -> str:
        """Return the functions that asked for a sync, the outermost first."""
        event = self.disk.log[sync]
        assert isinstance(event, Synced)
        return event.site

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
        name: the sequence in words.
        action: its first step; the sequence then runs to its end.
        installed_before: sources of the versions that were installed before.
        damage: changes the disk before the sequence begins.
        damaged_versions: digests of the versions that it damaged.
    """

    name: str
    action: Callable[[StoreDevice], None]
    installed_before: tuple[str, ...] = ()
    damage: Callable[[DiskTree], None] = lambda _: None
    damaged_versions: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.name

    def initial_tree(self) -> DiskTree:
        """Return what is on the disk at first."""
        tree = dict(_installed(self.installed_before))
        self.damage(tree)
        return tree

    def run(self, device: StoreDevice) -> None:
        """Run the sequence, or go on with it after a `StoreError`."""
        if not device.is_started:
            device.start()
        if device.ledger.deployment is None and len(device.ledger.past) == len(
            self.installed_before
        ):
            self.action(device)
        device.finish()

    def record(self) -> SequenceRecording:
        """Run the sequence undisturbed."""
        disk = MemoryDisk(self.initial_tree())
        device = self.make_device(disk)
        self.run(device)
        device.current_guarantee()
        return SequenceRecording(disk, tuple(device.spans))

    def kill_points(self) -> range:
        """Return the numbers of the events before which a process can be killed."""
        return range(len(self.record().disk.log))

    def record_killed(self, before_event: int) -> SequenceRecording:
        """Run the sequence in a process that is killed before this event, and go on in another one."""
        disk = MemoryDisk(self.initial_tree(), cut_before=before_event)
        killed = self.make_device(disk)
        try:
            self.run(killed)
        except PowerCutError:
            disk.cut_before = None
        else:
            raise AssertionError(f"{self} has no event {before_event}")
        device = OracleDevice(disk, VERSIONS_BY_SOURCE, guarantee=killed.current_guarantee())
        self.run(device)
        device.current_guarantee()
        return SequenceRecording(disk, tuple(device.spans), before_event)

    def calls(self) -> Sequence[str]:
        """Return the names of the file system calls of an undisturbed run, in order."""
        disk = MemoryDisk(self.initial_tree())
        files = FailingFiles(disk, errno.EIO, lambda _: False)
        self.run(self.make_device(disk, files.as_files()))
        return files.calls

    def record_failed(self, method: str, number: int) -> SequenceRecording:
        """Run the sequence while the call of `method` with this number, from 1, fails, and go on after that."""
        disk = MemoryDisk(self.initial_tree())
        files = FailingFiles(disk, errno.EIO, _on_nth_call(method, number))
        device = self.make_device(disk, files.as_files())
        try:
            self.run(device)
        except StoreError:
            interrupted = len(disk.log)
        else:
            raise AssertionError(f"{self} does not fail with {method} number {number}")
        device.spans.clear()
        self.run(device)
        device.current_guarantee()
        return SequenceRecording(disk, tuple(device.spans), interrupted)

    def make_device(self, disk: MemoryDisk, files: FileSystem | None = None) -> OracleDevice:
        """Return a device that has not started yet."""
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
    """Do nothing: the device's start is the sequence."""


def _damage_model(source: str) -> Callable[[DiskTree], None]:
    def damage(tree: DiskTree) -> None:
        tree[
            f"{STORE_ROOT.name}/{VERSIONS_NAME}/{VERSIONS_BY_SOURCE[source].digest}/model.tflite"
        ] = b"damaged bytes"

    return damage


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
    StoreSequence("first version", install_action("one")),
    StoreSequence("second version", install_action("two"), installed_before=("one",)),
    StoreSequence("third version", install_action("three"), installed_before=("one", "two")),
    StoreSequence("same version again", install_action("two"), installed_before=("one", "two")),
    StoreSequence(
        "previous version again", install_action("three"), installed_before=("three", "same epoch")
    ),
    StoreSequence("self-test fails", install_action("broken"), installed_before=("one", "two")),
    StoreSequence("trial fails", install_action("blind"), installed_before=("one", "two")),
    StoreSequence(
        "rollback", StoreDevice.roll_back_to_previous, installed_before=("three", "same epoch")
    ),
    StoreSequence(
        "rollback to the factory model",
        StoreDevice.roll_back_to_previous,
        installed_before=("one",),
    ),
    StoreSequence(
        "repairs a damaged version",
        install_action("two"),
        installed_before=("one", "two"),
        damage=_damage_model("two"),
        damaged_versions=frozenset({VERSIONS_BY_SOURCE["two"].digest}),
    ),
    StoreSequence(
        "damaged ledger", no_action, installed_before=("one", "two"), damage=_damage_ledger
    ),
    StoreSequence(
        "among partial files",
        install_action("three"),
        installed_before=("one", "two"),
        damage=_leave_partial_files,
    ),
)
