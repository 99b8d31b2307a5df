"""The real installer, with signed bundles, on a disk whose power is cut: it goes on in every state, and no sync can be left out.

`store/test_crash_states` and `store/test_fsync_mutation` prove the same of the store with a stand-in for the installer, through every sequence;
this suite shows that the real installer calls the store in the right order.

A bundle's folder has too many names for all subsets to be tried: of those, some are (`MAX_UNSYNCED_NAME_CHANGES`). `make test` checks a random
state after each event; `make campaign` checks all.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from edged.updates.bundle.bundle import open_unverified
from edged.updates.installer.installer import Installer
from edged.updates.rules.compatibility import HostInfo
from edged.updates.rules.ledger import Ledger
from edged.updates.store.store import ModelStore
from support.bundles import SigningKeys, make_bundle
from support.clock import FakeClock
from support.disk import STORE_ROOT, MemoryDisk
from support.durability_oracle import (
    NEXT_VERSION,
    CrashCheckResult,
    OracleDevice,
    check_crash_states,
)
from support.sampling import Sampler, sampled
from support.store_device import SampleVersion, StoreDevice
from support.store_sequences import SequenceRecording

SIGNING = SigningKeys()
STORE_METHODS = ("write_ledger", "append_download", "add_version", "update_links", "open")
"""Methods of the store that call sync."""
SAMPLED_SYNCS = 3
HOST = HostInfo(
    edged_version="0.1.0",
    runtimes={"litert": "2.1"},
    architecture="aarch64",
    board="Raspberry Pi 4 Model B",
    edgetpu_runtime=None,
    free_bytes=1 << 30,
    memory_mb=2048,
)


@dataclass(frozen=True)
class BundledVersion(SampleVersion):
    """A version in a signed bundle."""

    path: Path = Path()

    @property
    def bundle(self) -> bytes:
        return self.path.read_bytes()


class InstallerDevice(StoreDevice):
    """A device with the real installer."""

    def begin(self, source: str, *, force: bool = False) -> None:
        new = self.versions_by_source[source]
        assert isinstance(new, BundledVersion)
        super().begin(str(new.path), force=force)

    def step(self) -> None:
        in_flight = self.ledger.deployment
        assert in_flight is not None
        if in_flight.state in {"fetching", "staged", "verified"}:
            self.installer().advance(self.ledger)
        else:
            super().step()

    def installer(self) -> Installer:
        return Installer(
            ForwardingStore(self),
            files=self.files,
            get_trust=lambda: SIGNING.trust,
            get_host=lambda: HOST,
            run_self_test=lambda _: None,
            clock=FakeClock(),
            on_progress=lambda _: None,
        )


class ForwardingStore(ModelStore):
    """The store of such a device, which passes the installer's ledgers through the device."""

    def __init__(self, device: StoreDevice) -> None:
        super().__init__(STORE_ROOT, device.files)
        self._device = device

    def write_ledger(self, ledger: Ledger) -> None:
        self._device.record(ledger)


class InstallerOracleDevice(InstallerDevice, OracleDevice):
    """A device that records its guarantee at each moment."""


@pytest.fixture(autouse=True, scope="module")
def quiet_logging() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@dataclass(frozen=True)
class InstallationRecording:
    """What an installation did to the disk, and what was guaranteed meanwhile."""

    disk: MemoryDisk
    device: InstallerOracleDevice

    def check(
        self, *, without_sync: int | None = None, sampler: Sampler | None = None
    ) -> CrashCheckResult:
        return check_crash_states(
            self.disk,
            self.device.spans,
            self.device.versions_by_source,
            without_sync=without_sync,
            device_type=InstallerDevice,
            sampler=sampler,
        )

    def syncs_by_site(self) -> dict[str, int]:
        """Return the last needed sync of each call site in the store."""
        recording = SequenceRecording(self.disk, tuple(self.device.spans))
        last = {recording.call_site(sync): sync for sync in recording.needed_syncs()}
        return {site: sync for site, sync in last.items() if site.startswith(STORE_METHODS)}


@pytest.fixture(scope="module")
def versions_by_source(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, SampleVersion]:
    folder = tmp_path_factory.mktemp("bundles")

    def put(version: str, counter: int) -> BundledVersion:
        path = make_bundle(
            folder, SIGNING, version=version, counter=counter, model=f"model {version}".encode()
        )
        with path.open("rb") as file:
            bundle = open_unverified(file, path.stat().st_size)
        return BundledVersion(bundle.manifest, bundle.digest, bundle.envelope, {}, path=path)

    named = {
        "old": put("1", 1),
        "new": put("2", 2),
        NEXT_VERSION: put("9", 9),
    }
    return named | {str(one.path): one for one in named.values()}


@pytest.fixture(scope="module")
def recording(versions_by_source: Mapping[str, SampleVersion]) -> InstallationRecording:
    device = InstallerDevice(disk := MemoryDisk(), versions_by_source)
    device.start()
    device.install("old")
    recorded = InstallerOracleDevice(disk := MemoryDisk(disk.tree()), versions_by_source)
    recorded.start()
    recorded.install("new")
    recorded.current_guarantee()
    return InstallationRecording(disk, recorded)


@sampled
def test_every_power_cut_is_survived(recording: InstallationRecording, sampler: Sampler) -> None:
    result = recording.check(sampler=sampler)
    print(f"{len(recording.disk.log)} events, {result.summary()}")
    assert result.faults == []
    assert len(result.checked_states) > len(recording.disk.log) / 2


@sampled
def test_every_sync_is_missed(recording: InstallationRecording, sampler: Sampler) -> None:
    """The last sync of each call site; those of a download's etag are not needed: they only save a download."""
    syncs = recording.syncs_by_site()
    assert len(syncs) >= 7
    for site, sync in sampler.pick(syncs.items(), SAMPLED_SYNCS):
        assert recording.check(without_sync=sync).faults, site
