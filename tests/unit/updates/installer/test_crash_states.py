"""The installer that ships, signed bundles and all, on a disk whose power is cut: every state is survived, and no sync can be left out.

A bundle's folder has more names in it than all subsets can be tried of: there, and only there, a sample is taken (`MOST_TOGETHER`).
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
from support.disk import STORE_ROOT, MemoryDisk, Synced
from support.durability_oracle import (
    NEXT_VERSION,
    CrashCheckResult,
    OracleDevice,
    check_crash_states,
)
from support.store_device import SampleVersion, StoreDevice
from support.store_sequences import SequenceRecording

SIGNING = SigningKeys()
STORE_METHODS = ("write_ledger", "append_download", "add_version", "update_links", "open")
"""What of the store asks for a sync."""
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
    """A version in a real bundle."""

    path: Path = Path()

    @property
    def bundle(self) -> bytes:
        return self.path.read_bytes()


class InstallerDevice(StoreDevice):
    """A device whose installer is the real one."""

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
    """The store of such a device: what the installer records, the device knows."""

    def __init__(self, device: StoreDevice) -> None:
        super().__init__(STORE_ROOT, device.files)
        self._device = device

    def write_ledger(self, ledger: Ledger) -> None:
        self._device.record(ledger)


class InstallerOracleDevice(InstallerDevice, OracleDevice):
    """One that says what it has promised."""


@pytest.fixture(autouse=True, scope="module")
def quiet_logging() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@dataclass(frozen=True)
class InstallationRecording:
    """What an installation did to the disk, what was promised meanwhile, and what came of every crash."""

    disk: MemoryDisk
    device: InstallerOracleDevice
    result: CrashCheckResult

    def site(self, sync: int) -> str:
        event = self.disk.log[sync]
        assert isinstance(event, Synced)
        return event.site

    def check_without_sync(self, sync: int) -> CrashCheckResult:
        """What comes of it if one sync does nothing."""
        beside = CrashCheckResult(checked_states=set(self.result.checked_states))
        return check_crash_states(
            self.disk,
            self.device.spans,
            self.device.versions_by_source,
            beside,
            without_sync=sync,
            device_type=InstallerDevice,
        )


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
    witnessed = InstallerOracleDevice(disk := MemoryDisk(disk.tree()), versions_by_source)
    witnessed.start()
    witnessed.install("new")
    witnessed.current_guarantee()
    return InstallationRecording(
        disk,
        witnessed,
        check_crash_states(disk, witnessed.spans, versions_by_source, device_type=InstallerDevice),
    )


def test_every_power_cut_is_survived(recording: InstallationRecording) -> None:
    print(f"{len(recording.disk.log)} events, {len(recording.result.checked_states)} states")
    assert recording.result.faults == []
    assert len(recording.result.checked_states) > len(recording.disk.log)


def test_every_sync_is_missed(recording: InstallationRecording) -> None:
    """The last that each line asks for; those of a download's mark only spare a download, and are not among them."""
    syncs = SequenceRecording(recording.disk, tuple(recording.device.spans)).needed_syncs()
    last = {recording.site(sync): sync for sync in syncs}
    tried = {site: sync for site, sync in last.items() if site.startswith(STORE_METHODS)}
    assert [
        site for site, sync in tried.items() if not recording.check_without_sync(sync).faults
    ] == []
    assert len(tried) >= 7
