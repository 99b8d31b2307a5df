"""What a device has guaranteed at each moment, and whether that holds after a power cut."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from edged.errors import EdgedError, StoreError, UpdateError
from edged.host.files import FileSystem
from edged.updates.rules.active_version import load_order
from edged.updates.rules.ledger import (
    FACTORY,
    Ledger,
    decode_ledger,
    encode_ledger,
    referenced_versions,
)
from edged.updates.store.ledger_file import LEDGER_NAME, rebuild_ledger
from edged.updates.store.store import INCOMING_NAME
from edged.updates.store.versions import VERSIONS_NAME, read_version
from support.crash_states import crash_states
from support.disk import STORE_ROOT, DiskTree, MemoryDisk, Synced
from support.sampling import Sampler
from support.store_device import SampleVersion, StoreDevice

LEDGER_PATH = f"{STORE_ROOT.name}/{LEDGER_NAME}"
NEXT_VERSION = "next"
"""Source of a good version that is not installed before the power cut."""
SAMPLED_STATES = 1
"""Crash states of each event in a sample."""


@dataclass(frozen=True)
class DurabilityGuarantee:
    """What must be on the disk after a power cut now.

    Attributes:
        ledger_contents: the content of the ledger is one of these; None if there is no ledger.
        linked_versions: the links lead to one of these versions.
        damaged_versions: versions that were damaged before the sequence began.
    """

    ledger_contents: frozenset[bytes | None]
    linked_versions: frozenset[str]
    damaged_versions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class GuaranteeSpan:
    """A guarantee, and the first and the last event after which it holds."""

    guarantee: DurabilityGuarantee
    first_event: int
    last_event: int


class OracleDevice(StoreDevice):
    """A device that records its guarantee at each moment.

    Args:
        disk: the disk.
        versions_by_source: the versions that can be installed, by source.
        guarantee: what holds at first; None if everything on the disk is durable.
        damaged_versions: versions that are damaged at first.
        files: the file system that it writes through; None for the disk itself.
        boot: boot id of the host.
    """

    def __init__(
        self,
        disk: MemoryDisk,
        versions_by_source: Mapping[str, SampleVersion],
        *,
        guarantee: DurabilityGuarantee | None = None,
        damaged_versions: frozenset[str] = frozenset(),
        files: FileSystem | None = None,
        boot: str = "boot",
    ) -> None:
        super().__init__(files or disk, versions_by_source, boot=boot)
        self.spans: list[GuaranteeSpan] = []
        self._disk = disk
        self._guarantee = guarantee or DurabilityGuarantee(
            frozenset({_ledger_content(disk.tree())}),
            damaged_versions | {_linked_version(disk)},
            damaged_versions,
        )
        self._since_event = len(disk.log)

    def open(self) -> None:
        before, copy = self._guarantee, MemoryDisk(self._disk.tree())
        opened = StoreDevice(copy, self.versions_by_source)
        opened.open()
        after, linked = frozenset({_ledger_content(copy.tree())}), self._linked(opened.ledger)
        missing = (
            frozenset({None}) if any(map(_is_damaged, before.ledger_contents)) else frozenset()
        )
        self.set_guarantee(
            replace(
                before,
                ledger_contents=before.ledger_contents | missing | after,
                linked_versions=before.linked_versions | linked,
            )
        )
        super().open()
        self.set_guarantee(replace(before, ledger_contents=after, linked_versions=linked))

    def record(self, ledger: Ledger) -> None:
        if ledger == self.ledger:
            return
        before, new = self._guarantee, frozenset({encode_ledger(ledger)})
        self.set_guarantee(replace(before, ledger_contents=before.ledger_contents | new))
        super().record(ledger)
        self.set_guarantee(replace(before, ledger_contents=new))

    def apply_ledger(self) -> None:
        before, linked = self._guarantee, self._linked(self.ledger)
        self.set_guarantee(replace(before, linked_versions=before.linked_versions | linked))
        self.store.update_links(self.ledger)
        self.set_guarantee(replace(before, linked_versions=linked))
        self.store.collect_garbage(self.ledger)

    def set_guarantee(self, guarantee: DurabilityGuarantee) -> None:
        now = len(self._disk.log)
        self.spans.append(GuaranteeSpan(self._guarantee, self._since_event, now))
        self._guarantee, self._since_event = guarantee, now

    def current_guarantee(self) -> DurabilityGuarantee:
        """Return the guarantee that holds now."""
        self.set_guarantee(self._guarantee)
        return self._guarantee

    def _linked(self, ledger: Ledger) -> frozenset[str]:
        if ledger.current in self._guarantee.damaged_versions:
            return frozenset({ledger.current, ledger.previous})
        return frozenset({ledger.current})


GuaranteedState = tuple[frozenset[tuple[str, bytes | str | None]], DurabilityGuarantee]
"""A crash state's tree, and what must hold in it."""


@dataclass
class CrashCheckResult:
    """The result of checking crash states.

    Attributes:
        generated_states: number of crash states, repeated ones included.
        faults: each with the number of the event after which the power was cut.
        checked_states: the distinct states with their guarantees, in the order in which they were checked.
    """

    generated_states: int = 0
    faults: list[str] = field(default_factory=list)
    checked_states: dict[GuaranteedState, None] = field(default_factory=dict)

    def without_faults(self) -> "CrashCheckResult":
        """Return a result to continue with: what was checked is not checked again."""
        return CrashCheckResult(checked_states=dict(self.checked_states))

    def summary(self) -> str:
        """Return the counts in words."""
        return f"{len(self.checked_states)} states, {self.generated_states} with repetitions"


def check_crash_states(
    disk: MemoryDisk,
    spans: Sequence[GuaranteeSpan],
    versions_by_source: Mapping[str, SampleVersion],
    result: CrashCheckResult | None = None,
    *,
    without_sync: int | None = None,
    device_type: type[StoreDevice] = StoreDevice,
    sampler: Sampler | None = None,
) -> CrashCheckResult:
    """Check the crash states after each event of the disk's log under the guarantees that held then.

    Args:
        disk: the disk with its log.
        spans: the guarantees.
        versions_by_source: the versions that can be installed, by source.
        result: the result to continue; what it has checked is not checked again.
        without_sync: number of a sync in the log that is taken to have done nothing; the check then ends with the first fault.
        device_type: class of the device that starts in a crash state.
        sampler: chooses the states of each event; None checks them all.

    Returns:
        The result, with the faults that were found.
    """
    result = CrashCheckResult() if result is None else result
    log, first = list(disk.log), 0
    if without_sync is not None:
        log[without_sync], first = Synced(-1), without_sync + 1
    for guarantee, at in _crash_points(spans, first):
        trees = crash_states(disk.start, log, at)
        for tree in sampler.pick(trees, SAMPLED_STATES) if sampler else trees:
            result.generated_states += 1
            state = (frozenset(tree.items()), guarantee)
            if state in result.checked_states:
                continue
            result.checked_states[state] = None
            if fault := find_fault(tree, guarantee, versions_by_source, device_type):
                result.faults.append(f"after event {at}: {fault}")
                if without_sync is not None:
                    return result
    return result


def check_crashes_while_starting(
    states: Iterable[GuaranteedState],
    versions_by_source: Mapping[str, SampleVersion],
    result: CrashCheckResult,
) -> CrashCheckResult:
    """Check the crash states of a second power cut, while a device starts in one of these states.

    Args:
        states: states that a first power cut left.
        versions_by_source: the versions that can be installed, by source.
        result: the result to continue.
    """
    second = result.without_faults()
    for tree, guarantee in states:
        disk = MemoryDisk(dict(tree))
        device = OracleDevice(disk, versions_by_source, guarantee=guarantee, boot="next")
        device.start()
        device.current_guarantee()
        check_crash_states(disk, device.spans, versions_by_source, second)
    return second


def _crash_points(
    spans: Sequence[GuaranteeSpan], first_event: int
) -> Iterator[tuple[DurabilityGuarantee, int]]:
    for span in spans:
        for at in range(max(first_event, span.first_event), span.last_event + 1):
            yield span.guarantee, at


def find_fault(
    tree: DiskTree,
    guarantee: DurabilityGuarantee,
    versions_by_source: Mapping[str, SampleVersion],
    device_type: type[StoreDevice] = StoreDevice,
) -> str | None:
    """Return what is wrong with a device that starts on this disk; None if nothing is.

    Args:
        tree: what is on the disk.
        guarantee: what must hold.
        versions_by_source: the versions that can be installed, by source.
        device_type: class of the device that starts.
    """
    try:
        assert _linked_version(MemoryDisk(tree)) in guarantee.linked_versions, (
            "the links lead to another version"
        )
        ledger = _check_opens(tree, guarantee, versions_by_source)
        _check_lost_ledger(tree, ledger, guarantee, versions_by_source)
        _check_resumes(
            device_type(MemoryDisk(tree), versions_by_source, boot="next"),
            guarantee.damaged_versions,
        )
    except (EdgedError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _check_opens(
    tree: DiskTree, guarantee: DurabilityGuarantee, versions_by_source: Mapping[str, SampleVersion]
) -> Ledger:
    content = _ledger_content(tree)
    assert content in guarantee.ledger_contents, "the ledger has other content than guaranteed"
    device = StoreDevice(MemoryDisk(tree), versions_by_source)
    device.open()
    store, ledger = device.store, device.ledger
    if content is not None and not _is_damaged(content):
        assert ledger == decode_ledger(content), "the ledger changes when it is opened"
    if ledger.current not in guarantee.damaged_versions | {FACTORY}:
        store.read_version(ledger.current)
    in_flight = ledger.deployment
    if in_flight is not None and in_flight.state == "staged":
        part = tree.get(
            f"{STORE_ROOT.name}/{INCOMING_NAME}/{store.download_path(in_flight.id).name}"
        )
        assert part == versions_by_source[in_flight.request.source].bundle, (
            "the staged bundle is not on the disk"
        )
    elif in_flight is not None and in_flight.digest:
        store.read_version(in_flight.digest)
    return ledger


def _check_lost_ledger(
    tree: DiskTree,
    ledger: Ledger,
    guarantee: DurabilityGuarantee,
    versions_by_source: Mapping[str, SampleVersion],
) -> None:
    """Check that without the ledger the links still lead to the active model, and that its epoch is the lower bound."""
    found = StoreDevice(
        MemoryDisk({**tree, STORE_ROOT.name: None, LEDGER_PATH: b"{"}), versions_by_source
    ).store.open()
    assert found.current in guarantee.linked_versions, (
        "without the ledger another version is current"
    )
    epochs = {new.digest: new.manifest.epoch for new in versions_by_source.values()} | {FACTORY: 0}
    assert found.epoch >= epochs[found.current], (
        "without the ledger the lowest allowed epoch is too low"
    )
    if found.current == ledger.current:
        assert found.epoch == ledger.epoch, "without the ledger the lowest allowed epoch changes"


def _check_resumes(device: StoreDevice, damaged_versions: frozenset[str]) -> None:
    device.start()
    before = device.ledger
    device.finish()
    after = device.ledger
    if before.deployment is None:
        assert after == before, "the ledger changes although no deployment was in flight"
    else:
        new = device.versions_by_source[before.deployment.request.source]
        kept = before.current if new.fails_at else new.digest
        assert after.current == kept, f"{after.past[-1].outcome}: {after.past[-1].reason}"
        denied = {*before.denied, new.digest} if new.fails_at else set(before.denied)
        assert set(after.denied) == denied, "the denied versions are not those that failed"
    if after.current not in damaged_versions:
        _check_garbage_collected(device)
    device.install(NEXT_VERSION)
    assert device.ledger.current == device.versions_by_source[NEXT_VERSION].digest, (
        device.ledger.past[-1].reason
    )
    _check_garbage_collected(device)


def _check_garbage_collected(device: StoreDevice) -> None:
    ledger, files = device.ledger, device.files
    assert set(files.list_names(STORE_ROOT / VERSIONS_NAME)) == referenced_versions(ledger), (
        "files are left that nothing needs"
    )
    assert not files.list_names(STORE_ROOT / INCOMING_NAME), "files are left that nothing needs"
    assert not [name for name in files.list_names(STORE_ROOT) if name.startswith(".")], (
        "files are left that nothing needs"
    )
    if ledger.current != FACTORY:
        device.store.read_version(ledger.current)
    assert _linked_version(files) == ledger.current, "the links do not lead to the active version"


def _linked_version(files: FileSystem) -> str:
    return find_linked_version(files, STORE_ROOT)


def find_linked_version(files: FileSystem, root: Path) -> str:
    """Return the digest of the version that a daemon runs if it can read only the links, and cannot write."""
    try:
        ledger = rebuild_ledger(files, root)
    except StoreError:
        return FACTORY
    for digest in load_order(ledger):
        if digest != FACTORY:
            with suppress(UpdateError):
                return read_version(files, root / VERSIONS_NAME / digest, digest).digest
    return FACTORY


def _ledger_content(tree: DiskTree) -> bytes | None:
    content = tree.get(LEDGER_PATH)
    return content if isinstance(content, bytes) else None


def _is_damaged(content: bytes | None) -> bool:
    if content is None:
        return False
    try:
        decode_ledger(content)
    except StoreError:
        return True
    return False
