"""The installer as the daemon runs it: a process of its own that fetches, verifies and tries a bundle, and can be killed at any time."""

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged import bundled
from edged.clock import SystemClock
from edged.config.settings import ModelSettings, UpdateSettings
from edged.errors import ModelError, StoreError
from edged.host.files import LocalFileSystem
from edged.model.goldens import read_goldens, write_goldens
from edged.updates.bundle.manifest import Budgets, FileEntry, Manifest, ModelInput, Variant
from edged.updates.installer import self_test_gate as proof
from edged.updates.installer.messages import InstallFinished, InstallJob, InstallProgress
from edged.updates.installer.process import InstallerProcess
from edged.updates.rules import deployment as rules
from edged.updates.rules.desired import DesiredState, encode_desired
from edged.updates.rules.ledger import DeploymentRequest, EndCause, Ledger
from edged.updates.rules.rollback import reject
from edged.updates.store.lock import StoreLock
from edged.updates.store.store import ModelStore
from edged.updates.store.versions import InstalledVersion
from support import fetch_server
from support.bundles import GOLDENS, SigningKeys, make_bundle, make_goldens, model_interface
from support.data_files import data_file
from support.edgetpu import build_simulator
from support.fetch_server import Site
from support.loop_thread import LoopThread
from support.waiting import wait_for

SIGNING = SigningKeys()
MAX_WAIT_S = 10.0


@dataclass
class InstallProcessDevice:
    """A model store, who is trusted, and what the installer says."""

    folder: Path
    model: ModelSettings
    thread: LoopThread

    def __post_init__(self) -> None:
        self.root = self.folder / "models"
        self.root.mkdir()
        self.trust = self.folder / "trust.json"
        self.trust.write_bytes(SIGNING.trust_envelope())
        self.store = ModelStore(self.root, LocalFileSystem())
        self.store.open()
        self.lock = StoreLock(self.root)
        self.messages: queue.SimpleQueue[InstallProgress | InstallFinished] = queue.SimpleQueue()

    def begin(self, source: Path | str) -> None:
        ledger = rules.begin(
            self.store.read_ledger(), DeploymentRequest(source=str(source)), id_="d1"
        )
        self.store.write_ledger(ledger)

    def start(self, desired: bytes = b"") -> InstallerProcess:
        job = InstallJob(
            store_root=self.root,
            model=self.model,
            updates=UpdateSettings(trust=self.trust, reserve_mb=0),
            desired_envelope=desired,
        )
        installer = InstallerProcess(
            job,
            lock_descriptor=self.lock.descriptor,
            loop=self.thread.loop,
            on_message=self.messages.put,
        )
        return self.thread.call(installer.start)

    def run(self, desired: bytes = b"") -> Ledger:
        """To its end."""
        self.start(desired)
        self.error = self.wait_for_end()
        return self.store.read_ledger()

    def wait_for_end(self) -> str:
        while True:
            message = self.messages.get(timeout=MAX_WAIT_S)
            if isinstance(message, InstallFinished):
                return message.error

    def wait_for_bytes(self, count: int) -> None:
        part = self.store.download_path("d1")
        wait_for(lambda: part.exists() and part.stat().st_size >= count, timeout_s=MAX_WAIT_S)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[InstallProcessDevice]:
    with LoopThread() as thread:
        device = InstallProcessDevice(tmp_path, ModelSettings(runtime="simulated"), thread)
        with device.lock:
            yield device


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "*")
    with fetch_server.serve_site() as opened:
        yield opened


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Of a model that the simulated runtime plays."""
    return make_bundle(
        tmp_path, SIGNING, model=bundled.model_path("marks-fast"), runtime="simulated"
    )


def has_exited(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    return True


@pytest.mark.runtime
def test_a_bundle_on_a_web_server_becomes_a_version_that_was_tried(
    tmp_path: Path, site: Site
) -> None:
    bundle = make_bundle(tmp_path, SIGNING, model=bundled.model_path())
    site.files["/marks.edgem"] = bundle.read_bytes()
    with LoopThread() as thread:
        device = InstallProcessDevice(tmp_path, ModelSettings(), thread)
        device.begin(f"{site.url}/marks.edgem")
        with device.lock:
            ledger = device.run()
    assert device.error == ""
    assert ledger.past == ()
    assert ledger.deployment
    assert ledger.deployment.state == "self-tested"
    version = device.store.read_version(ledger.deployment.digest)
    assert version.manifest.title == "marks@1"


def test_progress_comes_while_it_works(device: InstallProcessDevice, bundle: Path) -> None:
    device.begin(bundle)
    device.start()
    messages = []
    while not isinstance(message := device.messages.get(timeout=MAX_WAIT_S), InstallFinished):
        messages.append(message)
    assert list(dict.fromkeys(one.state for one in messages)) == [
        "fetching",
        "verified",
        "self-tested",
    ]
    assert messages[-2].fraction == 1.0


def test_a_model_that_finds_other_things_than_its_goldens_is_denied(
    device: InstallProcessDevice, tmp_path: Path
) -> None:
    model = bundled.model_path("marks-fast")
    files = make_goldens(model, "simulated")
    goldens = read_goldens(files[GOLDENS])
    wrong_goldens = tuple(
        replace(
            golden,
            detections=tuple(replace(one, class_id=one.class_id + 1) for one in golden.detections),
        )
        for golden in goldens.goldens
    )
    wrong = write_goldens(replace(goldens, goldens=wrong_goldens))
    bundle = make_bundle(
        tmp_path, SIGNING, model=model, runtime="simulated", files={GOLDENS: wrong}
    )
    device.begin(bundle)
    ledger = device.run()
    assert ledger.past[-1].outcome == "rejected"
    assert "its detections differ from its goldens: 0" in ledger.past[-1].reason
    assert list(ledger.denied) == [ledger.past[-1].digest]


def test_it_holds_the_store_until_it_ends_even_if_we_let_go(
    device: InstallProcessDevice, site: Site, bundle: Path
) -> None:
    site.files["/m"] = bundle.read_bytes()
    site.behaviours["/m"] = [fetch_server.stalls_after(5000)]
    device.begin(f"{site.url}/m")
    process = device.start()
    device.wait_for_bytes(5000)
    device.lock.release()
    with pytest.raises(StoreError, match="in use"):
        StoreLock(device.root).acquire()
    device.thread.call(process.kill)
    assert device.wait_for_end() == "the installer was killed by SIGKILL"
    with StoreLock(device.root):
        pass


def test_killed_in_the_middle_it_goes_on_where_it_was(
    device: InstallProcessDevice, site: Site, bundle: Path
) -> None:
    site.files["/m"] = bundle.read_bytes()
    site.behaviours["/m"] = [fetch_server.stalls_after(70_000), fetch_server.well_behaved]
    device.begin(f"{site.url}/m")
    process = device.start()
    device.wait_for_bytes(70_000)
    device.thread.call(process.kill)
    device.wait_for_end()
    device.store.collect_garbage(device.store.open())
    ledger = device.run()
    assert ledger.deployment
    assert ledger.deployment.state == "self-tested"
    assert [headers[1:] for headers in site.requests] == [
        ("", ""),
        ("bytes=70000-", fetch_server.ETAG),
    ]


def test_an_installer_that_dies_by_itself_is_reported(
    device: InstallProcessDevice, site: Site
) -> None:
    site.files["/m"] = bytes(100_000)
    site.behaviours["/m"] = [fetch_server.stalls_after(5000)]
    device.begin(f"{site.url}/m")
    process = device.start()
    device.wait_for_bytes(5000)
    os.kill(process.pid, signal.SIGSEGV)
    assert device.wait_for_end() == "the installer was killed by SIGSEGV"


PARENT = """
import sys
from pathlib import Path
from edged.clock import SystemClock
from edged.config.settings import ModelSettings, UpdateSettings
from edged.event_loop import EventLoop
from edged.updates.store.lock import StoreLock
from edged.updates.installer.process import InstallerProcess
from edged.updates.installer.messages import InstallJob
root, trust = map(Path, sys.argv[1:])
model = ModelSettings(runtime="simulated", delegate_options={"hang_after": "0"})
job = InstallJob(store_root=root, model=model, updates=UpdateSettings(trust=trust, reserve_mb=0))
lock = StoreLock(root)
lock.acquire()
with EventLoop(SystemClock()) as loop:
    process = InstallerProcess(
        job, lock_descriptor=lock.descriptor, loop=loop, on_message=lambda said: print(said, flush=True)
    ).start()
    print(process.pid, flush=True)
    while True:
        loop.run_once()
"""


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_it_dies_with_the_daemon_and_its_own_child_with_it(
    device: InstallProcessDevice, bundle: Path
) -> None:
    device.begin(bundle)
    device.lock.release()
    command = [sys.executable, "-c", PARENT, str(device.root), str(device.trust)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout
        installer = int(daemon.stdout.readline())
        while "self-tested" not in daemon.stdout.readline():
            pass
        (selftest,) = wait_for(lambda: children(installer), timeout_s=MAX_WAIT_S)
        daemon.kill()
    wait_for(lambda: has_exited(installer) and has_exited(selftest), timeout_s=MAX_WAIT_S)
    device.lock.acquire()


def desired_envelope(url: str, sequence: int, digest: str, signing: SigningKeys = SIGNING) -> bytes:
    desired = DesiredState(
        channel="stable", sequence=sequence, title="marks@1", digest=digest, urls=(url,)
    )
    return signing.desired_envelope(encode_desired(desired))


def test_what_the_channel_wants_is_installed_once(
    device: InstallProcessDevice, site: Site, bundle: Path
) -> None:
    site.files["/m"] = bundle.read_bytes()
    device.begin(bundle)
    going = device.run().deployment
    assert going
    fresh = Ledger()
    device.store.write_ledger(fresh)
    desired = desired_envelope(f"{site.url}/m", 7, going.digest)

    ledger = device.run(desired)
    assert device.error == ""
    assert ledger.sequence == 7
    assert ledger.deployment
    assert ledger.deployment.request.requested_by == "channel"
    assert (ledger.deployment.state, ledger.deployment.digest) == ("self-tested", going.digest)

    device.store.write_ledger(reject(ledger, EndCause.OPERATOR, "called off", at=""))
    ledger = device.run(desired)
    assert (device.error, ledger.deployment) == ("", None)


def test_a_desired_state_that_is_unsigned_or_replayed_is_not_followed(
    device: InstallProcessDevice,
) -> None:
    device.store.write_ledger(Ledger(sequence=7, desired_sha256=sha256(b"").hexdigest()))
    before = device.store.read_ledger()
    for envelope, words in (
        (desired_envelope("http://h/m", 6, "f" * 64), "replayed"),
        (desired_envelope("http://h/m", 9, "f" * 64, SigningKeys("stranger")), "sign"),
        (b"{}", "envelope"),
    ):
        assert device.run(envelope) == before
        assert words in device.error


# ---- What is tried of a version -----------------------------------------------------------------------------------------


def write_version(
    folder: Path, contents: dict[str, bytes], model: Path, runtime: str = "auto", **changes: object
) -> InstalledVersion:
    """A version in a folder, as the store would have put it there."""
    folder.mkdir()
    entries = []
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        digest = sha256(content).hexdigest()
        entries.append(FileEntry(name=name, size_bytes=len(content), sha256=digest))
    fields: dict[str, object] = {
        "name": "m",
        "version": "1",
        "counter": 1,
        "epoch": 0,
        "files": tuple(entries),
        "variants": (Variant(kind="cpu", model="model.tflite", goldens=GOLDENS),),
        "licence": "MIT",
        **model_interface(model, runtime),
    }
    manifest = Manifest(**(fields | changes))  # type: ignore[arg-type] # by name
    return InstalledVersion("f" * 64, manifest, folder)


def simulated(folder: Path, **changes: object) -> InstalledVersion:
    model = bundled.model_path("marks-fast")
    contents = {"model.tflite": model.read_bytes(), **make_goldens(model, "simulated")}
    return write_version(folder / "version", contents, model, "simulated", **changes)


def run_self_test_gate(
    version: InstalledVersion, *, device_is_free: bool = False, **model: object
) -> None:
    settings = ModelSettings(**model)  # type: ignore[arg-type] # by name
    proof.self_test_version(version, settings, is_device_free=device_is_free, clock=SystemClock())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"input": ModelInput(width=300, height=300)},
            "its input is 320 x 240; its manifest says 300 x 300",
        ),
        ({"family": "yolox"}, "yolox"),
        ({"budgets": Budgets(memory_mb=5)}, "MiB of memory; its budget is 5"),
        ({"budgets": Budgets(invoke_ms_p95=0.000_1)}, r"ms here \(95th percentile\); its budget"),
    ],
)
def test_a_version_that_does_not_match_its_manifest_fails_its_self_test(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    run_self_test_gate(simulated(tmp_path), runtime="simulated")
    (tmp_path / "other").mkdir()
    with pytest.raises(ModelError, match=reason):
        run_self_test_gate(simulated(tmp_path / "other", **changes), runtime="simulated")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("crash_after", "crashed the interpreter.*SIGABRT"), ("hang_after", "took more than")],
)
def test_a_model_that_takes_its_process_down_or_hangs_is_to_blame(
    tmp_path: Path, fault: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "MAX_SELF_TEST_S", 2.0)
    with pytest.raises(ModelError, match=reason):
        run_self_test_gate(simulated(tmp_path), runtime="simulated", delegate_options={fault: "3"})


@pytest.fixture
def pair(tmp_path: Path) -> InstalledVersion:
    """A version with both variants."""
    model = data_file("models/mobilenet_v1_0.25_128_quant.tflite")
    contents = {
        "model.tflite": model.read_bytes(),
        "model-edgetpu.tflite": data_file(
            "models/mobilenet_v1_0.25_128_quant_edgetpu.tflite"
        ).read_bytes(),
        **make_goldens(model),
    }
    return write_version(
        tmp_path / "pair",
        contents,
        model,
        variants=(
            Variant(kind="cpu", model="model.tflite", goldens=GOLDENS),
            Variant(kind="edgetpu", model="model-edgetpu.tflite", goldens=GOLDENS),
        ),
    )


@pytest.mark.runtime
def test_an_edgetpu_variant_is_parsed_where_there_is_no_device(
    pair: InstalledVersion, tmp_path: Path
) -> None:
    run_self_test_gate(pair)
    run_self_test_gate(pair, delegate="libedgetpu-none.so.1", device_is_free=True)
    simulator = str(build_simulator(tmp_path))
    run_self_test_gate(pair, delegate=simulator, device_is_free=False)
    absent = {"device": "absent"}
    run_self_test_gate(pair, delegate=simulator, delegate_options=absent, device_is_free=True)


@pytest.mark.runtime
def test_an_edgetpu_variant_is_run_on_its_goldens_where_the_device_is_free(
    pair: InstalledVersion, tmp_path: Path
) -> None:
    simulator = str(build_simulator(tmp_path))
    with pytest.raises(ModelError, match="its detections differ from its goldens"):
        run_self_test_gate(
            pair, delegate=simulator, delegate_options={"echo": "1"}, device_is_free=True
        )


@pytest.mark.runtime
def test_a_damaged_edgetpu_variant_is_found_without_a_device(pair: InstalledVersion) -> None:
    file = pair.model_file("edgetpu")
    assert file
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError):
        run_self_test_gate(pair)
