"""What is done to a store, from the first model to going back: each once, recorded in memory."""

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count

from edged.errors import StoreError
from edged.host.files import Files
from edged.updates.store.versions import VERSIONS
from support.disk import (
    ROOT,
    Event,
    FailingFiles,
    MemoryDisk,
    Named,
    PowerCutError,
    Synced,
    Tree,
    Written,
)
from support.installation import Device, made
from support.promises import LEDGER_KEY, NEXT, Span, Witnessed

SHELF = {
    "one": made("1", counter=1),
    "two": made("2", counter=2, epoch=1),
    "three": made("3", counter=3, epoch=2),
    "same epoch": made("4", counter=4, epoch=2),
    "broken": made("5", counter=5, epoch=3, fails="self-test"),
    "blind": made("6", counter=6, epoch=3, fails="trial"),
    NEXT: made("9", counter=9, epoch=9),
}


@dataclass(frozen=True)
class Recording:
    """What a sequence did to the disk, and what was promised meanwhile.

    Attributes:
        disk: with its log.
        spans: the promises, from the interruption on.
        interrupted: how many events there were before it; 0 if there was none.
    """

    disk: MemoryDisk
    spans: tuple[Span, ...]
    interrupted: int = 0

    def needed_syncs(self) -> list[int]:
        """The numbers of the syncs that make something durable: after an interruption, something that was there before it.

        What still has the name of something partial is of no account: it is removed anyhow.
        """
        log = self.disk.log
        return [
            at
            for at, event in enumerate(log)
            if at >= self.interrupted and self._is_needed(at, event)
        ]

    def _is_needed(self, at: int, sync: Event) -> bool:
        if not isinstance(sync, Synced):
            return False
        for before in reversed(range(at)):
            match self.disk.log[before]:
                case Synced(node) if node == sync.node:
                    return False
                case Written(file) if file == sync.node:
                    return self._counts(before)
                case Named(folder, changes) if folder == sync.node and any(
                    not name.endswith(".new") for name, _ in changes
                ):
                    return self._counts(before)
        return False

    def _counts(self, event: int) -> bool:
        return event < self.interrupted or self.interrupted == 0


@dataclass(frozen=True)
class Sequence:
    """Something that is done to a store.

    Attributes:
        name: in words.
        act: what begins it; what follows from that is done then.
        before: what was installed before.
        spoil: what happened to the disk then.
        damaged: the versions that were damaged by that.
    """

    name: str
    act: Callable[[Device], None]
    before: tuple[str, ...] = ()
    spoil: Callable[[Tree], None] = lambda _: None
    damaged: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.name

    def start(self) -> Tree:
        """What is on the disk at first."""
        tree = dict(_installed(self.before))
        self.spoil(tree)
        return tree

    def run(self, device: Device) -> None:
        """Do it, or go on with it after a `StoreError`."""
        if not device.started:
            device.start()
        if device.ledger.deployment is None and len(device.ledger.past) == len(self.before):
            self.act(device)
        device.finish()

    def record(self) -> Recording:
        """Do it."""
        disk = MemoryDisk(self.start())
        device = self.device(disk)
        self.run(device)
        device.promised()
        return Recording(disk, tuple(device.spans))

    def recordings_killed(self) -> Iterator[Recording]:
        """Do it by a process that is killed before the first event, the second, and so on, each time followed by another one."""
        for before in count():
            disk = MemoryDisk(self.start(), cut_before=before)
            killed = self.device(disk)
            try:
                self.run(killed)
            except PowerCutError:
                disk.cut_before = None
            else:
                return
            device = Witnessed(disk, SHELF, promise=killed.promised())
            self.run(device)
            device.promised()
            yield Recording(disk, tuple(device.spans), before)

    def recordings_failing(self, method: str) -> Iterator[Recording]:
        """Do it while the first call of this method fails, the second, and so on, each time going on after that."""
        for failed in count(1):
            disk = MemoryDisk(self.start())
            files = FailingFiles(disk, errno.EIO, _only(method, failed))
            device = self.device(disk, files.as_files())
            try:
                self.run(device)
            except StoreError:
                interrupted = len(disk.log)
            else:
                return
            device.spans.clear()
            self.run(device)
            device.promised()
            yield Recording(disk, tuple(device.spans), interrupted)

    def device(self, disk: MemoryDisk, files: Files | None = None) -> Witnessed:
        """One that has not started yet."""
        return Witnessed(disk, SHELF, damaged=self.damaged, files=files)


@cache
def _installed(sources: tuple[str, ...]) -> Tree:
    disk = MemoryDisk()
    device = Device(disk, SHELF)
    for source in sources:
        if not device.started:
            device.start()
        device.install(source)
    return disk.tree()


def _only(method: str, number: int) -> Callable[[list[str]], bool]:
    return lambda calls: calls[-1] == method and calls.count(method) == number


def install(source: str) -> Callable[[Device], None]:
    return lambda device: device.begin(source)


def nothing(_: Device) -> None:
    """To be started is enough."""


def _spoil_model(source: str) -> Callable[[Tree], None]:
    def spoil(tree: Tree) -> None:
        tree[f"{ROOT.name}/{VERSIONS}/{SHELF[source].digest}/model.tflite"] = b"bits have rotted"

    return spoil


def _spoil_ledger(tree: Tree) -> None:
    tree[LEDGER_KEY] = b"{"


def _leave_litter(tree: Tree) -> None:
    three = f"{ROOT.name}/{VERSIONS}/.{SHELF['three'].digest}.new"
    tree.update(
        {three: None, f"{three}/model.tflite": b"half a mod", f"{ROOT.name}/.ledger.json.new": b"{"}
    )
    tree.update(
        {
            f"{ROOT.name}/.current.new": "versions/nothing",
            f"{ROOT.name}/incoming/.old.part": b"beginning",
        }
    )


SEQUENCES = (
    Sequence("the first", install("one")),
    Sequence("the second", install("two"), before=("one",)),
    Sequence("the third", install("three"), before=("one", "two")),
    Sequence("the same again", install("two"), before=("one", "two")),
    Sequence("the previous again", install("three"), before=("three", "same epoch")),
    Sequence("fails its self-test", install("broken"), before=("one", "two")),
    Sequence("fails its trial", install("blind"), before=("one", "two")),
    Sequence("back", Device.go_back, before=("three", "same epoch")),
    Sequence("back to the factory model", Device.go_back, before=("one",)),
    Sequence(
        "mends what has rotted",
        install("two"),
        before=("one", "two"),
        spoil=_spoil_model("two"),
        damaged=frozenset({SHELF["two"].digest}),
    ),
    Sequence("the ledger is damaged", nothing, before=("one", "two"), spoil=_spoil_ledger),
    Sequence("among leftovers", install("three"), before=("one", "two"), spoil=_leave_litter),
)
