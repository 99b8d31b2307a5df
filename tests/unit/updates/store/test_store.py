"""The store and its lock, on the file system of this host."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.errors import BundleError, StoreError
from edged.host.files import LocalFileSystem
from edged.updates.rules.active_version import load_order
from edged.updates.rules.ledger import FACTORY, MAX_LEDGER_BYTES, Ledger, decode_ledger
from edged.updates.store.lock import StoreLock
from edged.updates.store.store import ModelStore
from support.durability_oracle import find_linked_version
from support.store_device import SampleVersion, StoreDevice, make_version

ONE, TWO, THREE = (make_version(str(k), counter=k, epoch=k) for k in (1, 2, 3))
VERSIONS_BY_SOURCE = {"one": ONE, "two": TWO, "three": THREE}


@pytest.fixture
def device(tmp_path: Path) -> StoreDevice:
    device = StoreDevice(LocalFileSystem(), VERSIONS_BY_SOURCE, root=tmp_path)
    device.start()
    return device


@pytest.fixture
def store(device: StoreDevice) -> ModelStore:
    return device.store


def add(store: ModelStore, new: SampleVersion) -> Path:
    return store.add_version(new.digest, new.envelope, new.contents())


def test_a_new_store_has_the_factory_model(store: ModelStore, tmp_path: Path) -> None:
    assert store.open() == Ledger()
    assert store.list_versions() == ()
    assert find_linked_version(LocalFileSystem(), tmp_path) == FACTORY


def test_a_version_that_was_installed_is_in_use(device: StoreDevice, tmp_path: Path) -> None:
    device.install("one")
    device.install("two")
    again = ModelStore(tmp_path, LocalFileSystem())
    ledger = again.open()
    assert ledger == device.ledger == again.read_ledger()
    assert (ledger.current, ledger.previous) == (TWO.digest, ONE.digest)
    version = again.read_version(TWO.digest)
    assert version.manifest == TWO.manifest
    assert version.folder == tmp_path / "versions" / TWO.digest
    model = version.model_file("cpu")
    assert model is not None
    assert model.read_bytes() == TWO.files["model.tflite"]
    goldens = version.goldens_file("cpu")
    assert goldens is not None
    assert goldens.read_bytes() == TWO.files["goldens.json"]
    assert version.model_file("edgetpu") is None
    assert version.goldens_file("edgetpu") is None
    assert (tmp_path / "current").resolve() == version.folder
    assert (tmp_path / "previous").resolve() == tmp_path / "versions" / ONE.digest


def test_what_is_no_longer_needed_is_removed(device: StoreDevice, tmp_path: Path) -> None:
    for source in VERSIONS_BY_SOURCE:
        device.install(source)
    assert device.store.list_versions() == tuple(sorted((TWO.digest, THREE.digest)))
    assert list((tmp_path / "incoming").iterdir()) == []
    assert device.store.collect_garbage(device.ledger) == ()


def test_what_is_on_its_way_in_is_kept(device: StoreDevice, tmp_path: Path) -> None:
    device.install("one")
    device.begin("two")
    device.step()
    etag = tmp_path / "incoming" / f".{device.ledger.deployment.id}.part.etag"  # type: ignore[union-attr]  # in flight
    etag.write_bytes(b"of the installer")
    (tmp_path / "incoming" / ".other.part").write_bytes(b"of another")
    assert device.store.collect_garbage(device.ledger) == ()
    assert len(list((tmp_path / "incoming").iterdir())) == 2
    device.step()
    device.store.collect_garbage(device.ledger)
    assert set(device.store.list_versions()) == {ONE.digest, TWO.digest}


def test_a_bundle_that_is_being_copied_into_the_folder_is_kept(
    device: StoreDevice, tmp_path: Path
) -> None:
    device.install("one")
    incoming = tmp_path / "incoming"
    incoming.mkdir(exist_ok=True)
    copies = {".marks-1.1.edgem", ".marks-1.1.edgem.part", ".marks.edgem.partial", "marks.edgem"}
    for name in (*copies, ".0123456789ab.part", "..0123456789ab.part.etag.new"):
        (incoming / name).write_bytes(b"half of it")
    device.store.collect_garbage(device.ledger)
    assert {path.name for path in incoming.iterdir()} == copies


def test_what_a_link_still_names_is_kept(device: StoreDevice) -> None:
    device.install("one")
    device.install("two")
    device.ledger = replace(device.ledger, current=ONE.digest, previous=FACTORY)
    device.store.write_ledger(device.ledger)
    assert device.store.collect_garbage(device.ledger) == ()
    device.store.update_links(device.ledger)
    assert device.store.collect_garbage(device.ledger) == (TWO.digest,)


def test_a_version_is_there_whole_or_not_at_all(store: ModelStore, tmp_path: Path) -> None:
    def wrong() -> Iterator[tuple[str, Iterator[bytes]]]:
        yield from list(ONE.contents())[:1]

    def too_many() -> Iterator[tuple[str, Iterator[bytes]]]:
        yield from ONE.contents()
        yield "more", iter([b""])

    def outside() -> Iterator[tuple[str, Iterator[bytes]]]:
        yield "../../escaped", iter([b""])

    def cut() -> Iterator[bytes]:
        yield b"begin"
        raise BundleError("cut off")

    for contents in (
        wrong(),
        too_many(),
        outside(),
        TWO.contents(),
        iter([("model.tflite", cut())]),
    ):
        with pytest.raises(BundleError):
            store.add_version(ONE.digest, ONE.envelope, contents)
        assert list((tmp_path / "versions").iterdir()) == []
    with pytest.raises(BundleError):
        store.add_version(ONE.digest, TWO.envelope, TWO.contents())
    with pytest.raises(BundleError):
        store.add_version(ONE.digest, b"{}", ONE.contents())
    assert [path.name for path in tmp_path.iterdir() if path.name == "escaped"] == []
    assert add(store, ONE) == tmp_path / "versions" / ONE.digest


def test_a_version_that_is_there_is_not_written_again(store: ModelStore) -> None:
    folder = add(store, ONE)
    before = {path: path.stat().st_ino for path in folder.iterdir()}
    assert store.add_version(ONE.digest, ONE.envelope, iter([])) == folder
    assert {path: path.stat().st_ino for path in folder.iterdir()} == before


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a bit": lambda folder: flip_bit(folder / "model.tflite"),
    "the length": lambda folder: (folder / "model.tflite").write_bytes(b""),
    "a file is gone": lambda folder: (folder / "goldens.json").unlink(),
    "the envelope": lambda folder: flip_bit(folder / "envelope.json"),
    "the envelope is gone": lambda folder: (folder / "envelope.json").unlink(),
    "a large envelope": lambda folder: (folder / "envelope.json").write_bytes(b" " * (1 << 19)),
    "another envelope": lambda folder: (folder / "envelope.json").write_bytes(ONE.envelope),
}


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_version_is_reported_and_repaired(
    device: StoreDevice, tmp_path: Path, damage: str
) -> None:
    device.install("one")
    device.install("two")
    DAMAGE[damage](tmp_path / "versions" / TWO.digest)
    with pytest.raises(BundleError):
        device.store.read_version(TWO.digest)
    assert find_linked_version(LocalFileSystem(), tmp_path) == ONE.digest
    assert load_order(device.store.open()) == (TWO.digest, ONE.digest, FACTORY)
    add(device.store, TWO)
    assert device.store.read_version(TWO.digest).manifest == TWO.manifest
    assert find_linked_version(LocalFileSystem(), tmp_path) == TWO.digest


def test_a_version_that_is_not_there_is_reported(store: ModelStore) -> None:
    with pytest.raises(BundleError, match="is missing"):
        store.read_version(ONE.digest)


LEDGERS = {
    "empty": b"",
    "cut off": b'{"schema": "edged.ledg',
    "no text": b"\xff\xfe",
    "another form": b"[]",
    "wrong values": b'{"schema": "edged.ledger/1", "epoch": -1}',
    "too large": b" " * (MAX_LEDGER_BYTES + 1),
}


@pytest.mark.parametrize("content", LEDGERS.values(), ids=LEDGERS)
def test_a_damaged_ledger_is_quarantined_and_the_links_take_its_place(
    device: StoreDevice, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    device.install("one")
    device.install("two")
    (tmp_path / "ledger.json").write_bytes(content)
    with pytest.raises(StoreError):
        device.store.read_ledger()
    found = device.store.open()
    assert (found.current, found.previous) == (TWO.digest, ONE.digest)
    assert (found.epoch, found.counters) == (2, {"marks": 2})
    assert (tmp_path / "ledger.json.damaged").read_bytes() == content
    assert decode_ledger((tmp_path / "ledger.json").read_bytes()) == found
    assert "ledger.json.damaged" in caplog.text
    assert device.store.open() == found


def test_a_lost_ledger_is_found_again_by_what_is_left(device: StoreDevice, tmp_path: Path) -> None:
    device.install("one")
    device.install("two")
    (tmp_path / "ledger.json").unlink()
    (tmp_path / "versions" / TWO.digest / "envelope.json").unlink()
    found = device.store.open()
    assert (found.current, found.previous, found.epoch) == (ONE.digest, FACTORY, 1)
    assert find_linked_version(LocalFileSystem(), tmp_path) == ONE.digest


@pytest.mark.parametrize(
    "target", ["versions/../../etc", "/etc", "versions/" + "0" * 64, f"versions/{ONE.digest}\n"]
)
def test_a_link_that_leads_elsewhere_leads_nowhere(
    device: StoreDevice, tmp_path: Path, target: str
) -> None:
    device.install("one")
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to(target)
    assert find_linked_version(LocalFileSystem(), tmp_path) == FACTORY
    device.store.open()
    assert find_linked_version(LocalFileSystem(), tmp_path) == ONE.digest


def test_partial_files_of_a_crash_are_removed(device: StoreDevice, tmp_path: Path) -> None:
    device.install("one")
    left = tmp_path / "versions" / f".{TWO.digest}.new"
    left.mkdir()
    (left / "model.tflite").write_bytes(b"half")
    (tmp_path / ".ledger.json.new").write_bytes(b"{")
    (tmp_path / ".current.new").symlink_to("versions/nothing")
    assert device.store.open() == device.ledger
    assert not left.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_download_goes_on_where_it_was(store: ModelStore) -> None:
    def broken() -> Iterator[bytes]:
        yield b"one"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        store.append_download("a", broken())
    assert store.append_download("a", [b"two", b"three"]) == 11
    assert store.download_path("a").read_bytes() == b"onetwothree"
    assert store.append_download("a", []) == 11


def test_the_reserve_is_left_alone(tmp_path: Path) -> None:
    free = LocalFileSystem().free_bytes(tmp_path)
    ModelStore(tmp_path, LocalFileSystem(), min_free_bytes=free // 2).ensure_free_space(free // 4)
    with pytest.raises(StoreError, match="free some"):
        ModelStore(tmp_path, LocalFileSystem(), min_free_bytes=free // 2).ensure_free_space(free)
    with pytest.raises(StoreError, match="no space"):
        ModelStore(tmp_path, LocalFileSystem()).ensure_free_space(free * 2)


def test_a_ledger_that_nobody_could_read_is_not_written(device: StoreDevice) -> None:
    device.install("one")
    for ledger in (
        replace(device.ledger, epoch=-1),
        replace(device.ledger, current="\udcff"),
        replace(device.ledger, denied={ONE.digest: "x" * MAX_LEDGER_BYTES}),
    ):
        with pytest.raises(StoreError):
            device.store.write_ledger(ledger)
    assert device.store.open() == device.ledger


def test_only_one_has_the_store(tmp_path: Path) -> None:
    with StoreLock(tmp_path) as lock:
        lock.acquire()
        with pytest.raises(StoreError, match="in use by another process"):
            StoreLock(tmp_path).acquire()
    with pytest.raises(StoreError, match="not held"):
        _ = lock.descriptor
    lock.release()
    with StoreLock(tmp_path):
        pass


def test_a_child_holds_the_lock_on(tmp_path: Path) -> None:
    lock = StoreLock(tmp_path)
    lock.acquire()
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"],
        stdin=subprocess.PIPE,
        pass_fds=(lock.descriptor,),
    )
    lock.release()
    try:
        with pytest.raises(StoreError):
            StoreLock(tmp_path).acquire()
    finally:
        child.communicate(b"\n", timeout=20)
    with StoreLock(tmp_path):
        pass


def test_a_child_that_is_not_given_the_lock_does_not_hold_it(tmp_path: Path) -> None:
    lock = StoreLock(tmp_path)
    lock.acquire()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lock.release()
    try:
        with StoreLock(tmp_path):
            pass
    finally:
        child.communicate(b"\n", timeout=20)


def test_a_killed_process_releases_the_lock(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from edged.updates.store.lock import StoreLock\n"
        "lock = StoreLock(Path(sys.argv[1])); lock.acquire(); print(flush=True); input()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline()
        with pytest.raises(StoreError):
            StoreLock(tmp_path).acquire()
        child.kill()
    with StoreLock(tmp_path):
        pass


def test_a_lock_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot open .*none/none/lock"):
        StoreLock(tmp_path / "none" / "none").acquire()
    (tmp_path / "lock").symlink_to("elsewhere")
    with pytest.raises(StoreError):
        StoreLock(tmp_path).acquire()
    assert not os.path.lexists(tmp_path / "elsewhere")
