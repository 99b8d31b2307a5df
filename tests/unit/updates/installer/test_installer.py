"""A bundle on its way into a store that is in memory, under a clock that stands still: what it does wrong, and what the device lacks."""

import dataclasses
import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from edged.errors import (
    InvokeError,
    ModelError,
    RegistryError,
    StoreError,
    UpdateError,
    WorkerError,
)
from edged.fetchers.file import FileFetcher
from edged.host.files import FileSystem
from edged.selftest.process import SelfTestKilledError
from edged.updates.bundle.bundle import open_unverified
from edged.updates.bundle.manifest import MAX_BUNDLE_BYTES, Requirements
from edged.updates.bundle.trust import TrustFile
from edged.updates.installer.installer import Installer
from edged.updates.installer.messages import InstallProgress
from edged.updates.rules import deployment as rules
from edged.updates.rules.compatibility import HostInfo
from edged.updates.rules.ledger import Deployment, DeploymentRequest, Ledger
from edged.updates.store.store import ModelStore
from edged.updates.store.versions import InstalledVersion
from support.bundles import SigningKeys, make_bundle
from support.clock import FakeClock
from support.disk import STORE_ROOT, FailingFiles, MemoryDisk
from support.sampling import Sampler, sampled

SIGNING = SigningKeys()
AT = "2027-01-01T00:00:00Z"
HOST = HostInfo(
    edged_version="0.1.0",
    runtimes={"litert": "2.1"},
    architecture="aarch64",
    board="Raspberry Pi 4 Model B",
    edgetpu_runtime=None,
    free_bytes=1 << 30,
    memory_mb=2048,
)


@dataclass
class InstallerBench:
    """An installer on a disk in memory; a model that proves itself, or does not."""

    disk: MemoryDisk = field(default_factory=lambda: MemoryDisk({STORE_ROOT.name: None}))
    files: FileSystem | None = None
    host: HostInfo = HOST
    trust: Callable[[], TrustFile] = lambda: SIGNING.trust
    fault: Exception | None = None
    progress: list[InstallProgress] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)
    ledger: Ledger = field(default_factory=Ledger)
    self_tested: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = ModelStore(STORE_ROOT, self.files or self.disk, min_free_bytes=1000)

    def begin(self, source: Path | str, **request: object) -> "InstallerBench":
        self.ledger = self.store.open()
        deployment_request = DeploymentRequest(source=str(source), **request)  # type: ignore[arg-type] # any field, by name
        self.ledger = rules.begin(self.ledger, deployment_request, id_="d1")
        self.store.write_ledger(self.ledger)
        return self

    def advance(self) -> Deployment | None:
        installer = Installer(
            self.store,
            files=self.files or self.disk,
            get_trust=self.trust,
            get_host=lambda: self.host,
            run_self_test=self._self_test,
            clock=self.clock,
            on_progress=self.progress.append,
        )
        self.ledger = installer.advance(self.ledger)
        assert self.ledger == self.store.read_ledger(), (
            "the ledger that is returned is the durable one"
        )
        return self.ledger.deployment

    def _self_test(self, version: InstalledVersion) -> None:
        in_flight = self.store.read_ledger().deployment
        assert in_flight
        assert in_flight.state == "verified"
        assert in_flight.digest == version.digest
        self.self_tested.append(version.digest)
        if self.fault:
            raise self.fault

    @property
    def state(self) -> str:
        return self.ledger.deployment.state if self.ledger.deployment else ""

    def rejection(self) -> str:
        assert self.ledger.deployment is None
        assert self.ledger.past[-1].outcome == "rejected"
        return self.ledger.past[-1].reason

    def blocked_reason(self) -> str:
        assert self.ledger.deployment
        return self.ledger.deployment.blocked_reason


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path, SIGNING)


def test_a_bundle_comes_from_its_request_to_its_self_test(bundle: Path) -> None:
    bench = InstallerBench().begin(bundle)
    going = bench.advance()
    assert going
    assert (going.state, going.title, going.counter) == ("self-tested", "marks@1", 1)
    assert bench.store.list_versions() == (going.digest,) == tuple(bench.self_tested)
    assert bench.store.read_version(going.digest).manifest.title == "marks@1"
    assert list(dict.fromkeys(one.state for one in bench.progress)) == [
        "fetching",
        "verified",
        "self-tested",
    ]
    size = bundle.stat().st_size
    assert InstallProgress(state="fetching", done_bytes=size, total_bytes=size) in bench.progress


def test_what_is_done_is_not_done_again(bundle: Path) -> None:
    bench = InstallerBench().begin(bundle)
    bench.advance()
    before = bench.ledger
    log = len(bench.disk.log)
    bench.advance()
    assert (bench.ledger, len(bench.disk.log)) == (before, log)


def test_it_goes_on_from_every_state_whatever_else_was_lost(bundle: Path) -> None:
    bench = InstallerBench().begin(bundle)
    staged = rules.record_staged(bench.ledger, at=AT)
    bench.store.write_ledger(staged)
    bench.ledger = staged
    bench.advance()
    assert bench.state == "self-tested", "the download was not there"
    going = bench.ledger.deployment
    assert going
    bench.ledger = replace(bench.ledger, deployment=replace(going, state="verified"))
    bench.store.write_ledger(bench.ledger)
    bundle.unlink()
    bench.advance()
    assert bench.state == "self-tested"
    assert len(bench.self_tested) == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epoch": 1}, "accepts no epoch below 3"),
        ({"epoch": 3, "counter": 1}, "counter"),
        ({"epoch": 3, "counter": 9, "requirements": Requirements(edged=">=9")}, "needs edged >=9"),
        ({"epoch": 3, "counter": 9, "requirements": Requirements(memory_mb=9999)}, "9999 MiB"),
    ],
)
def test_a_bundle_that_this_device_does_not_take_is_rejected_and_not_denied(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    bench = InstallerBench()
    bench.store.open()
    bench.store.write_ledger(Ledger(epoch=3, counters={"marks": 5}))
    bench.begin(make_bundle(tmp_path, SIGNING, **changes)).advance()  # type: ignore[arg-type] # by name
    assert reason in bench.rejection()
    assert bench.ledger.denied == {}
    assert bench.store.list_versions() == ()


def test_a_stranger_s_bundle_an_unrequested_one_and_a_damaged_one_are_rejected(
    tmp_path: Path, bundle: Path
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    strange = make_bundle(tmp_path / "a", SigningKeys("stranger"))
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "damaged").write_bytes(content)
    (tmp_path / "text").write_text("no bundle")
    cases: list[tuple[Path, dict[str, object]]] = [
        (strange, {}),
        (bundle, {"expected": "f" * 64}),
        (tmp_path / "damaged", {}),
        (tmp_path / "text", {}),
    ]
    for source, request in cases:
        bench = InstallerBench().begin(source, **request)
        bench.advance()
        assert bench.rejection()
        assert bench.store.list_versions() == ()
        assert bench.self_tested == []


def test_one_that_is_larger_than_any_bundle_is_not_even_copied(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(MAX_BUNDLE_BYTES + (2 << 20))
    bench = InstallerBench().begin(tmp_path / "huge")
    bench.advance()
    assert "are accepted" in bench.rejection()
    assert bench.disk.list_names(STORE_ROOT / "incoming") == ()


@pytest.mark.parametrize("fault", [ModelError("blind"), InvokeError("blind")])
def test_a_model_that_fails_its_self_test_is_denied(bundle: Path, fault: Exception) -> None:
    bench = InstallerBench(fault=fault).begin(bundle)
    bench.advance()
    assert bench.rejection() == "the self-test failed: blind"
    assert list(bench.ledger.denied.values()) == ["the self-test failed: blind"]
    bench.begin(bundle).advance()
    assert "failed here before: the self-test failed: blind" in bench.rejection()
    assert len(bench.self_tested) == 1

    bench.fault = None
    bench.begin(bundle, force=True).advance()
    assert bench.state == "self-tested"
    assert bench.ledger.denied == {}


@pytest.mark.parametrize(
    "fault",
    [
        RegistryError("no family of that name"),
        SelfTestKilledError("was killed by SIGKILL: is there too little memory?"),
    ],
)
def test_a_device_that_cannot_run_it_denies_nothing(bundle: Path, fault: Exception) -> None:
    bench = InstallerBench(fault=fault).begin(bundle)
    bench.advance()
    assert str(fault) in bench.rejection()
    assert bench.ledger.denied == {}


def no_trust() -> TrustFile:
    raise UpdateError("the trust file cannot be used")


def test_what_the_device_lacks_at_the_moment_only_blocks(bundle: Path) -> None:
    bench = InstallerBench().begin(bundle)
    lacks: list[tuple[dict[str, object], dict[str, object], str, str]] = [
        ({"free": 100}, {}, "fetching", "no space"),
        ({}, {"trust": no_trust}, "staged", "the trust file"),
        ({}, {"host": replace_host(free_bytes=10)}, "staged", "free some"),
        ({"free": 2000}, {}, "staged", "no space"),
        ({}, {"fault": WorkerError("no process")}, "verified", "no process"),
    ]
    for of_disk, of_bench, state, reason in lacks:
        before = {name: getattr(bench, name) for name in of_bench}
        free = bench.disk.free_space_bytes
        for name, value in of_bench.items():
            setattr(bench, name, value)
        bench.disk.free_space_bytes = cast("int", of_disk.get("free", free))
        bench.advance()
        assert bench.state == state
        assert reason in bench.blocked_reason()
        for name, value in before.items():
            setattr(bench, name, value)
        bench.disk.free_space_bytes = free
    bench.advance()
    assert (bench.state, bench.blocked_reason()) == ("self-tested", "")


def replace_host(**changes: object) -> HostInfo:
    return dataclasses.replace(HOST, **changes)  # type: ignore[arg-type] # by name


def test_a_blocked_deployment_uses_nothing_up(bundle: Path) -> None:
    bench = InstallerBench(fault=WorkerError("no process")).begin(bundle)
    bench.advance()
    hindered, log = bench.ledger, len(bench.disk.log)
    for _ in range(100):
        bench.advance()
    assert (bench.ledger, len(bench.disk.log)) == (hindered, log)
    bench.fault = None
    bench.advance()
    assert bench.state == "self-tested"


def test_what_is_not_there_is_rejected_for_an_operator_and_awaited_for_a_channel(
    bundle: Path,
) -> None:
    away = bundle.with_name("away")
    bundle.rename(away)
    bench = InstallerBench().begin(bundle)
    bench.advance()
    assert str(bundle) in bench.rejection()
    bench.begin(bundle, requested_by="channel").advance()
    assert bench.state == "fetching"
    assert str(bundle) in bench.blocked_reason()
    away.rename(bundle)
    bench.advance()
    assert bench.state == "self-tested"


def test_a_scheme_that_nothing_fetches_is_rejected() -> None:
    bench = InstallerBench().begin("gopher://host/m")
    bench.advance()
    assert "gopher" in bench.rejection()


def test_a_request_that_nobody_foresaw_is_rejected_and_blocks_no_other(bundle: Path) -> None:
    """A request recorded by an older version, for example: the installer must not crash on it at each of 40 attempts."""
    bench = InstallerBench().begin(bundle)
    for source in ("/a\0.edgem", "http://[::1/m", "https://me:hu/sh@h:x/m"):
        assert bench.ledger.deployment
        request = replace(bench.ledger.deployment.request, source=source)
        bench.ledger = replace(
            bench.ledger, deployment=replace(bench.ledger.deployment, request=request)
        )
        bench.store.write_ledger(bench.ledger)
        bench.advance()
        assert bench.rejection()
        assert "hu/sh" not in bench.rejection()
        assert not bench.ledger.denied
        bench.begin(bundle)
    bench.advance()
    assert bench.state == "self-tested"


def test_a_fault_of_the_installer_itself_rejects_once(bundle: Path) -> None:
    bench = InstallerBench(fault=ZeroDivisionError("at rtsp://me:hush@h/1")).begin(bundle)
    bench.advance()
    assert "unexpected error, ZeroDivisionError: at rtsp://h; the log has" in bench.rejection()
    assert not bench.ledger.denied


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another bundle, signed as well, which nobody has asked for."""
    return make_bundle(tmp_path, SIGNING, name="other")


def bundle_digest(bundle: Path) -> str:
    with bundle.open("rb") as file:
        return open_unverified(file, bundle.stat().st_size).digest


def with_mirrors(bundle: Path, *sources: Path | str) -> InstallerBench:
    first, *rest = map(str, sources)
    return InstallerBench().begin(
        first, mirrors=tuple(rest), requested_by="channel", expected=bundle_digest(bundle)
    )


def test_mirrors_are_tried_in_turn(bundle: Path, tmp_path: Path) -> None:
    bench = with_mirrors(bundle, tmp_path / "gone.edgem", "gopher://host/m", bundle)
    bench.advance()
    assert bench.state == "self-tested"


def test_a_mirror_that_gives_something_else_is_passed_over(
    bundle: Path, other: Path, tmp_path: Path
) -> None:
    (tmp_path / "junk.edgem").write_bytes(b"junk")
    bench = with_mirrors(bundle, other, tmp_path / "junk.edgem", bundle)
    bench.advance()
    assert bench.state == "self-tested"
    assert len(bench.store.list_versions()) == 1


def test_mirrors_that_all_fail_are_all_reported(bundle: Path, other: Path, tmp_path: Path) -> None:
    missing = tmp_path / "gone.edgem"
    bench = with_mirrors(bundle, other, missing)
    bench.advance()
    assert f"the file from {other} is not the requested bundle" in bench.rejection()
    assert f"{missing}: cannot be read" in bench.rejection()


def test_where_one_mirror_may_come_back_the_download_waits(
    bundle: Path, other: Path, tmp_path: Path
) -> None:
    loop = tmp_path / "loop.edgem"
    loop.symlink_to(loop)
    bench = with_mirrors(bundle, other, loop)
    bench.advance()
    assert bench.state == "fetching"
    assert f"{loop}: cannot be read" in bench.blocked_reason()
    loop.unlink()
    bundle.rename(loop)
    bench.advance()
    assert bench.state == "self-tested"


def with_partial_download(bundle: Path, have: bytes, etag: str) -> InstallerBench:
    """A download that stopped there."""
    bench = InstallerBench().begin(bundle)
    bench.store.append_download("d1", [have])
    etag_file = bench.disk.create(STORE_ROOT / "incoming/.d1.part.etag")
    bench.disk.write(etag_file, etag.encode())
    bench.disk.close(etag_file)
    return bench


def file_etag(bundle: Path) -> str:
    fetcher = FileFetcher(FakeClock())
    with fetcher.fetch(str(bundle), offset_bytes=0, etag=None, max_bytes=1 << 30) as transfer:
        assert transfer.etag is not None
        return transfer.etag


def fetched_bytes(bench: InstallerBench) -> list[int]:
    return [one.done_bytes for one in bench.progress if one.state == "fetching"]


def test_a_download_goes_on_where_it_stopped(bundle: Path) -> None:
    bench = with_partial_download(bundle, bundle.read_bytes()[:5000], file_etag(bundle))
    bench.advance()
    assert bench.state == "self-tested"
    assert fetched_bytes(bench)[0] == 5000
    assert 0 not in fetched_bytes(bench)


@pytest.mark.parametrize("mark", ["", "of another file"])
def test_a_part_of_something_else_is_not_built_upon(bundle: Path, mark: str) -> None:
    bench = with_partial_download(bundle, b"x" * 5000, mark)
    bench.advance()
    assert bench.state == "self-tested"
    assert fetched_bytes(bench)[0] == 0


def test_a_part_that_a_power_cut_spoilt_costs_one_more_download(bundle: Path) -> None:
    bench = with_partial_download(bundle, bytes(5000), file_etag(bundle))
    bench.advance()
    assert fetched_bytes(bench)[0] == 5000
    assert bench.state == "self-tested", "every byte of it was compared with its manifest"


def test_progress_is_reported_some_ten_times_a_second(tmp_path: Path) -> None:
    large = make_bundle(tmp_path, SIGNING, model=bytes(4 << 20))
    bench = InstallerBench().begin(large)
    bench.advance()
    assert len(bench.progress) == 5, "the clock stands still: the beginning and the end of each"


def installation_on(disk: FailingFiles, bench: InstallerBench) -> None:
    bench.files = disk.as_files()
    bench.store = ModelStore(STORE_ROOT, bench.files, min_free_bytes=1000)
    bench.advance()


@sampled
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("failing", ["same call", "every later call"])
def test_a_call_to_the_disk_that_fails_is_reported_and_the_installation_goes_on_once_it_works(
    bundle: Path, error: int, failing: str, sampler: Sampler
) -> None:
    bench = InstallerBench().begin(bundle)
    healthy_disk = FailingFiles(bench.disk, error, lambda _: False)
    installation_on(healthy_disk, bench)
    calls = healthy_disk.calls
    assert len(calls) > 40
    for number in sampler.pick_each(range(1, len(calls) + 1), lambda number: calls[number - 1]):
        bench = InstallerBench().begin(bundle)

        def fails(calls: list[str], number: int = number) -> bool:
            return len(calls) == number or (len(calls) > number and failing == "every later call")

        try:
            installation_on(FailingFiles(bench.disk, error, fails), bench)
        except StoreError as failure:
            assert str(STORE_ROOT) in str(failure) or "a file" in str(failure)  # noqa: PT017 - not every call raises
        healthy = InstallerBench(disk=bench.disk)
        healthy.ledger = healthy.store.open()
        healthy.advance()
        assert healthy.state == "self-tested", f"call {number}: {calls[number - 1]}"
