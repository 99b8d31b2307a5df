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
from edged.updates.rules.compatibility import Host
from edged.updates.rules.ledger import Ledger
from edged.updates.store.store import Store
from support.bundles import Signing, make_bundle
from support.clock import FakeClock
from support.disk import ROOT, MemoryDisk, Synced
from support.installation import Device, Made
from support.promises import NEXT, Verdict, Witnessed, judge
from support.sequences import Recording

SIGNING = Signing()
STORE = ("record", "receive", "add_version", "follow", "open")
"""What of the store asks for a sync."""
HOST = Host(
    edged="0.1.0",
    runtimes={"litert": "2.1"},
    architecture="aarch64",
    board="Raspberry Pi 4 Model B",
    edgetpu_runtime="",
    free_bytes=1 << 30,
    memory_mb=2048,
)


@dataclass(frozen=True)
class Bundled(Made):
    """A version in a real bundle."""

    path: Path = Path()

    @property
    def bundle(self) -> bytes:
        return self.path.read_bytes()


class Installing(Device):
    """A device whose installer is the real one."""

    def begin(self, source: str, *, force: bool = False) -> None:
        new = self.shelf[source]
        assert isinstance(new, Bundled)
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
            Telling(self),
            files=self.files,
            trust=lambda: SIGNING.trust,
            host=lambda: HOST,
            prove=lambda _: None,
            clock=FakeClock(),
            tell=lambda _: None,
        )


class Telling(Store):
    """The store of such a device: what the installer records, the device knows."""

    def __init__(self, device: Device) -> None:
        super().__init__(ROOT, device.files)
        self._device = device

    def record(self, ledger: Ledger) -> None:
        self._device.record(ledger)


class WitnessedInstalling(Installing, Witnessed):
    """One that says what it has promised."""


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@dataclass(frozen=True)
class Recorded:
    """What an installation did to the disk, what was promised meanwhile, and what came of every crash."""

    disk: MemoryDisk
    device: WitnessedInstalling
    verdict: Verdict

    def site(self, sync: int) -> str:
        event = self.disk.log[sync]
        assert isinstance(event, Synced)
        return event.site

    def without(self, sync: int) -> Verdict:
        """What comes of it if one sync does nothing."""
        beside = Verdict(checked=set(self.verdict.checked))
        return judge(
            self.disk,
            self.device.spans,
            self.device.shelf,
            beside,
            without=sync,
            kind=Installing,
        )


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Made]:
    folder = tmp_path_factory.mktemp("bundles")

    def put(version: str, counter: int) -> Bundled:
        path = make_bundle(
            folder, SIGNING, version=version, counter=counter, model=f"model {version}".encode()
        )
        with path.open("rb") as file:
            bundle = open_unverified(file, path.stat().st_size)
        return Bundled(bundle.manifest, bundle.digest, bundle.envelope, {}, path=path)

    named = {
        "old": put("1", 1),
        "new": put("2", 2),
        NEXT: put("9", 9),
    }
    return named | {str(one.path): one for one in named.values()}


@pytest.fixture(scope="module")
def recorded(shelf: Mapping[str, Made]) -> Recorded:
    device = Installing(disk := MemoryDisk(), shelf)
    device.start()
    device.install("old")
    witnessed = WitnessedInstalling(disk := MemoryDisk(disk.tree()), shelf)
    witnessed.start()
    witnessed.install("new")
    witnessed.promised()
    return Recorded(disk, witnessed, judge(disk, witnessed.spans, shelf, kind=Installing))


def test_every_power_cut_is_survived(recorded: Recorded) -> None:
    print(f"{len(recorded.disk.log)} events, {len(recorded.verdict.checked)} states")
    assert recorded.verdict.faults == []
    assert len(recorded.verdict.checked) > len(recorded.disk.log)


def test_every_sync_is_missed(recorded: Recorded) -> None:
    """The last that each line asks for; those of a download's mark only spare a download, and are not among them."""
    syncs = Recording(recorded.disk, tuple(recorded.device.spans)).needed_syncs()
    last = {recorded.site(sync): sync for sync in syncs}
    tried = {site: sync for site, sync in last.items() if site.startswith(STORE)}
    assert [site for site, sync in tried.items() if not recorded.without(sync).faults] == []
    assert len(tried) >= 7
