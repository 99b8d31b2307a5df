"""The store on file systems of its own: one that gets full, one that turns read-only, and one whose power is cut."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edged.errors import StoreError
from edged.host.files import LocalFileSystem
from edged.updates.rules.ledger import Ledger, referenced_versions
from edged.updates.store.store import ModelStore
from support.durability_oracle import find_linked_version
from support.store_device import StoreDevice, make_version

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system")

VERSIONS_BY_SOURCE = {
    "one": make_version("1"),
    "two": make_version("2", counter=2, epoch=1),
    "three": make_version("3", counter=3, epoch=2),
}
PAGE = 4096
DISK_BYTES = 8 << 20


@dataclass(frozen=True)
class MountedStore:
    """A file system, and the store on it."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "models"

    def device(self) -> StoreDevice:
        device = StoreDevice(LocalFileSystem(), VERSIONS_BY_SOURCE, root=self.root)
        device.start()
        return device

    def fill(self) -> Path:
        """A file that leaves no room at all."""
        path = self.folder / "filler"
        with path.open("ab", buffering=0) as file:
            for piece in (1 << 16, PAGE, 1024):
                try:
                    while file.write(bytes(piece)) == piece:
                        pass
                except OSError:
                    pass
        return path

    def remount(self, options: str) -> None:
        run("mount", "-o", f"remount,{options}", str(self.folder))


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{command[0]} does not work here: {done.stderr.strip()}")


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., MountedStore]]:
    """Mounts file systems, and unmounts them in the end."""
    folders: list[Path] = []

    def mount(*arguments: str) -> MountedStore:
        folder = tmp_path / f"mounted{len(folders)}"
        folder.mkdir()
        run("mount", *arguments, str(folder))
        folders.append(folder)
        return MountedStore(folder)

    yield mount
    for folder in reversed(folders):
        run("umount", "-l", str(folder))


def tmpfs(mount: Callable[..., MountedStore], _: Path) -> MountedStore:
    return mount("-t", "tmpfs", "-o", "size=256k", "none")


def ext4(mount: Callable[..., MountedStore], folder: Path) -> MountedStore:
    return mount("-o", "loop", str(image(folder)))


def image(folder: Path) -> Path:
    path = folder / "disk"
    with path.open("wb") as file:
        file.truncate(DISK_BYTES)
    run("mkfs.ext4", "-q", "-b", "1024", "-m", "0", str(path))
    return path


@pytest.fixture(params=[tmpfs, ext4])
def disk(
    request: pytest.FixtureRequest, mounted: Callable[..., MountedStore], tmp_path: Path
) -> MountedStore:
    made: MountedStore = request.param(mounted, tmp_path)
    return made


def test_a_full_disk_keeps_the_old_model_and_takes_the_new_one_when_there_is_room(
    disk: MountedStore,
) -> None:
    device = disk.device()
    device.install("one")
    device.install("two")
    device.begin("three")
    filler = disk.fill()
    errors = list[str]()
    while device.ledger.deployment is not None:
        try:
            device.finish()
        except StoreError as error:
            errors.append(str(error))
            assert_whole(disk, device)
        os.truncate(filler, max(0, filler.stat().st_size - 512))
    assert len(errors) > 1
    assert all("No space left" in error for error in errors)
    assert device.ledger.current == VERSIONS_BY_SOURCE["three"].digest
    device.apply_ledger()
    assert set(device.store.list_versions()) == referenced_versions(device.ledger)
    print(f"{len(errors)} times there was no room")


def test_a_disk_that_turns_read_only_keeps_the_old_model(disk: MountedStore) -> None:
    device = disk.device()
    device.install("one")
    device.begin("two")
    device.step()
    disk.remount("ro")
    with pytest.raises(StoreError, match="Read-only"):
        device.finish()
    with pytest.raises(StoreError, match="Read-only"):
        ModelStore(disk.root, LocalFileSystem()).open()
    assert find_linked_version(LocalFileSystem(), disk.root) == VERSIONS_BY_SOURCE["one"].digest
    disk.remount("rw")
    device.finish()
    assert device.ledger.current == VERSIONS_BY_SOURCE["two"].digest


def assert_whole(disk: MountedStore, device: StoreDevice) -> None:
    """Whatever could not be written: what there was is there."""
    assert device.store.read_ledger() == device.ledger
    device.store.read_version(device.ledger.current)
    assert find_linked_version(LocalFileSystem(), disk.root) == device.ledger.current


class PowerCutDevice(StoreDevice):
    """A device after each of whose promises the power is cut, in a copy of its disk."""

    cut_power: Callable[[Ledger], None]

    def record(self, ledger: Ledger) -> None:
        super().record(ledger)
        self.cut_power(ledger)


def test_what_was_recorded_is_there_after_a_power_cut(
    mounted: Callable[..., MountedStore], tmp_path: Path
) -> None:
    """The copy of a mounted disk is what a power cut leaves: the kernel has not written the rest, and the journal is replayed."""
    path = image(tmp_path)
    disk = mounted("-o", "loop,commit=300", str(path))
    device, cuts = (
        PowerCutDevice(LocalFileSystem(), VERSIONS_BY_SOURCE, root=disk.root),
        list[str](),
    )

    def cut(ledger: Ledger) -> None:
        left = tmp_path / f"left{len(cuts)}"
        shutil.copyfile(path, left)
        found = StoreDevice(
            LocalFileSystem(), VERSIONS_BY_SOURCE, root=mounted("-o", "loop", str(left)).root
        )
        found.open()
        assert found.ledger == ledger
        if ledger.deployment and ledger.deployment.digest:
            found.store.read_version(ledger.deployment.digest)
        elif ledger.deployment and ledger.deployment.state == "staged":
            part = found.files.read(found.store.download_path(ledger.deployment.id), 1 << 20)
            assert part == VERSIONS_BY_SOURCE[ledger.deployment.request.source].bundle
        found.finish()
        if found.ledger.current:
            found.store.read_version(found.ledger.current)
        cuts.append(ledger.deployment.state if ledger.deployment else "over")

    device.cut_power = cut
    device.start()
    device.install("one")
    device.install("two")
    print(cuts)
    assert cuts.count("trial") == cuts.count("staged") == 2
