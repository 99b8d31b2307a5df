"""What a device has promised at each moment, and whether it keeps that when the power is cut."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from edged.errors import EdgedError, StoreError
from edged.host.files import Files
from edged.updates.rules.deployment import kept_versions
from edged.updates.rules.ledger import FACTORY, Ledger, read_ledger, write_ledger
from edged.updates.store.store import INCOMING, LEDGER, rescue
from edged.updates.store.versions import VERSIONS
from support.crashes import crash_states
from support.disk import ROOT, Event, MemoryDisk, Synced, Tree
from support.installation import Device, Made

LEDGER_KEY = f"{ROOT.name}/{LEDGER}"
NEXT = "next"
"""A good version on every shelf, which nobody asked for before the power cut."""


@dataclass(frozen=True)
class Promise:
    """What must be on the disk after a power cut now.

    Attributes:
        ledgers: the content of the ledger is one of these; None: there is none.
        linked: the links alone lead to one of these versions.
        damaged: versions that were damaged before anything began.
    """

    ledgers: frozenset[bytes | None]
    linked: frozenset[str]
    damaged: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Span:
    """A promise, and from which event to which it holds, both included."""

    promise: Promise
    first: int
    last: int


class Witnessed(Device):
    """A device that says at each moment what it has promised.

    Args:
        disk: what is written.
        shelf: what can be had, by source.
        promise: what holds at first; None: what is on the disk is durable.
        damaged: versions that are.
        files: through which it is written, if not directly.
        boot: of the host.
    """

    def __init__(
        self,
        disk: MemoryDisk,
        shelf: Mapping[str, Made],
        *,
        promise: Promise | None = None,
        damaged: frozenset[str] = frozenset(),
        files: Files | None = None,
        boot: str = "boot",
    ) -> None:
        super().__init__(files or disk, shelf, boot=boot)
        self.spans: list[Span] = []
        self._disk = disk
        self._promise = promise or Promise(
            frozenset({_content(disk.tree())}), damaged | {_rescued(disk)}, damaged
        )
        self._since = len(disk.log)

    def open(self) -> None:
        before, copy = self._promise, MemoryDisk(self._disk.tree())
        opened = Device(copy, self.shelf)
        opened.open()
        after, linked = frozenset({_content(copy.tree())}), self._linked(opened.ledger)
        gone = frozenset({None}) if any(map(_is_damaged, before.ledgers)) else frozenset()
        self.promise(
            replace(before, ledgers=before.ledgers | gone | after, linked=before.linked | linked)
        )
        super().open()
        self.promise(replace(before, ledgers=after, linked=linked))

    def record(self, ledger: Ledger) -> None:
        if ledger == self.ledger:
            return
        before, new = self._promise, frozenset({write_ledger(ledger)})
        self.promise(replace(before, ledgers=before.ledgers | new))
        super().record(ledger)
        self.promise(replace(before, ledgers=new))

    def settle(self) -> None:
        before, linked = self._promise, self._linked(self.ledger)
        self.promise(replace(before, linked=before.linked | linked))
        self.store.follow(self.ledger)
        self.promise(replace(before, linked=linked))
        self.store.collect(self.ledger)

    def promise(self, promise: Promise) -> None:
        now = len(self._disk.log)
        self.spans.append(Span(self._promise, self._since, now))
        self._promise, self._since = promise, now

    def promised(self) -> Promise:
        """What holds now."""
        self.promise(self._promise)
        return self._promise

    def _linked(self, ledger: Ledger) -> frozenset[str]:
        if ledger.current in self._promise.damaged:
            return frozenset({ledger.current, ledger.previous})
        return frozenset({ledger.current})


@dataclass
class Verdict:
    """What came of an enumeration.

    Attributes:
        generated: crash states, those that came more than once included.
        faults: each with the number of the event after which the power was cut.
        checked: the distinct states with what was promised in them.
    """

    generated: int = 0
    faults: list[str] = field(default_factory=list)
    checked: set[tuple[frozenset[tuple[str, bytes | str | None]], Promise]] = field(
        default_factory=set
    )


def judge(
    disk: MemoryDisk,
    spans: Sequence[Span],
    shelf: Mapping[str, Made],
    verdict: Verdict | None = None,
    *,
    without: int | None = None,
    kind: type[Device] = Device,
) -> Verdict:
    """Look at every crash state of what the disk's log holds, under the promises that held then.

    Args:
        disk: what was done to it.
        spans: the promises.
        shelf: what can be had.
        verdict: to be continued; what was looked at is not looked at again.
        without: the number of a sync in the log that did not do anything; the first fault is enough then.
        kind: of device that finds the disk so.
    """
    verdict = Verdict() if verdict is None else verdict
    log, first = list(disk.log), 0
    if without is not None:
        log[without], first = Synced(-1), without + 1
    for promise, at, tree in _moments(disk, spans, log, first):
        verdict.generated += 1
        key = (frozenset(tree.items()), promise)
        if key in verdict.checked:
            continue
        verdict.checked.add(key)
        if fault := fault_of(tree, promise, shelf, kind):
            verdict.faults.append(f"after event {at}: {fault}")
            if without is not None:
                break
    return verdict


def judge_starts(verdict: Verdict, shelf: Mapping[str, Made]) -> Verdict:
    """The power is cut a second time, while a device starts in one of the states that a first cut left."""
    second = Verdict(checked=set(verdict.checked))
    for state, promise in verdict.checked:
        disk = MemoryDisk(dict(state))
        device = Witnessed(disk, shelf, promise=promise, boot="next")
        device.start()
        device.promised()
        judge(disk, device.spans, shelf, second)
    return second


def _moments(
    disk: MemoryDisk, spans: Sequence[Span], log: Sequence[Event], first: int
) -> Iterator[tuple[Promise, int, Tree]]:
    for span in spans:
        for at in range(max(first, span.first), span.last + 1):
            for tree in crash_states(disk.start, log, at):
                yield span.promise, at, tree


def fault_of(
    tree: Tree, promise: Promise, shelf: Mapping[str, Made], kind: type[Device] = Device
) -> str:
    """What is wrong with a device that finds its disk so; "" if nothing is."""
    try:
        assert _rescued(MemoryDisk(tree)) in promise.linked, "the links lead elsewhere"
        ledger = _check_opened(tree, promise, shelf)
        _check_lost_ledger(tree, ledger, promise, shelf)
        _check_going_on(kind(MemoryDisk(tree), shelf, boot="next"), promise.damaged)
    except (EdgedError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _check_opened(tree: Tree, promise: Promise, shelf: Mapping[str, Made]) -> Ledger:
    content = _content(tree)
    assert content in promise.ledgers, "the ledger is not what it must be"
    device = Device(MemoryDisk(tree), shelf)
    device.open()
    store, ledger = device.store, device.ledger
    if content is not None and not _is_damaged(content):
        assert ledger == read_ledger(content), "the ledger changes when it is opened"
    if ledger.current not in promise.damaged | {FACTORY}:
        store.version(ledger.current)
    in_flight = ledger.deployment
    if in_flight is not None and in_flight.state == "staged":
        part = tree.get(f"{ROOT.name}/{INCOMING}/{store.incoming(in_flight.id).name}")
        assert part == shelf[in_flight.request.source].bundle, "what is staged is not there"
    elif in_flight is not None and in_flight.digest:
        store.version(in_flight.digest)
    return ledger


def _check_lost_ledger(
    tree: Tree, ledger: Ledger, promise: Promise, shelf: Mapping[str, Made]
) -> None:
    """If the card has eaten the ledger as well, the links still say which model it was, and its epoch is the floor."""
    found = Device(MemoryDisk({**tree, ROOT.name: None, LEDGER_KEY: b"{"}), shelf).store.open()
    assert found.current in promise.linked, "without the ledger another version is current"
    epochs = {new.digest: new.manifest.epoch for new in shelf.values()} | {FACTORY: 0}
    assert found.epoch >= epochs[found.current], "without the ledger the floor sinks"
    if found.current == ledger.current:
        assert found.epoch == ledger.epoch, "without the ledger the floor is another"


def _check_going_on(device: Device, damaged: frozenset[str]) -> None:
    device.start()
    before = device.ledger
    device.finish()
    after = device.ledger
    if before.deployment is None:
        assert after == before, "there was nothing to go on with"
    else:
        new = device.shelf[before.deployment.request.source]
        kept = before.current if new.fails else new.digest
        assert after.current == kept, f"{after.past[-1].outcome}: {after.past[-1].reason}"
        denied = {*before.denied, new.digest} if new.fails else set(before.denied)
        assert set(after.denied) == denied, "what is denied is not what failed"
    if after.current not in damaged:
        _check_tidy(device)
    device.install(NEXT)
    assert device.ledger.current == device.shelf[NEXT].digest, device.ledger.past[-1].reason
    _check_tidy(device)


def _check_tidy(device: Device) -> None:
    ledger, files = device.ledger, device.files
    assert set(files.names(ROOT / VERSIONS)) == kept_versions(ledger), "there are leftovers"
    assert not files.names(ROOT / INCOMING), "there are leftovers"
    assert not [name for name in files.names(ROOT) if name.startswith(".")], "there are leftovers"
    if ledger.current != FACTORY:
        device.store.version(ledger.current)
    assert _rescued(files) == ledger.current, "the links do not follow"


def _rescued(files: Files) -> str:
    folder = rescue(ROOT, files)
    return folder.name if folder else FACTORY


def _content(tree: Tree) -> bytes | None:
    content = tree.get(LEDGER_KEY)
    return content if isinstance(content, bytes) else None


def _is_damaged(content: bytes | None) -> bool:
    if content is None:
        return False
    try:
        read_ledger(content)
    except StoreError:
        return True
    return False
