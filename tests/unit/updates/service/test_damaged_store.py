"""Which model runs when the ledger is damaged, on a disk that can be written and on one that cannot."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from edged.updates.rules.ledger import FACTORY
from edged.updates.store.ledger_file import LEDGER_NAME
from edged.updates.store.versions import VERSIONS_NAME
from support.disk import STORE_ROOT, MemoryDisk
from support.store_device import StoreDevice, make_version
from support.update_scenario import Scenario, request

ONE, TWO = make_version("1"), make_version("2", counter=2)


@dataclass
class Damage:
    """What is wrong with the store of a device that had committed ONE, then TWO.

    Attributes:
        ledger: the ledger is damaged.
        versions: these versions are damaged.
    """

    ledger: bool = True
    versions: tuple[str, ...] = ()


def start_scenario(folder: Path, damage: Damage, *, read_only: bool) -> Scenario:
    disk = MemoryDisk()
    device = StoreDevice(disk, {"one": ONE, "two": TWO})
    device.start()
    device.install("one")
    device.install("two")
    tree = dict(disk.tree())
    if damage.ledger:
        tree[f"{STORE_ROOT.name}/{LEDGER_NAME}"] = b"{"
    for digest in damage.versions:
        tree[f"{STORE_ROOT.name}/{VERSIONS_NAME}/{digest}/model.tflite"] = b"rot"
    scenario = Scenario(folder, MemoryDisk(tree))
    scenario.is_read_only = read_only
    return scenario.start()


@pytest.mark.parametrize("read_only", [False, True], ids=["writable", "read-only"])
@pytest.mark.parametrize("ledger", [False, True], ids=["good ledger", "damaged ledger"])
class TestMatrix:
    def test_the_committed_version_runs(
        self,
        tmp_path: Path,
        ledger: bool,  # noqa: FBT001 (parametrised)
        read_only: bool,  # noqa: FBT001 (parametrised)
    ) -> None:
        scenario = start_scenario(tmp_path, Damage(ledger=ledger), read_only=read_only)
        assert scenario.updates.active_digest == TWO.digest
        assert "model.fallback" not in scenario.held_conditions
        assert ("update" in scenario.held_conditions) is (read_only and ledger)

    def test_an_older_version_runs_if_the_committed_one_is_damaged_and_that_is_reported(
        self,
        tmp_path: Path,
        ledger: bool,  # noqa: FBT001 (parametrised)
        read_only: bool,  # noqa: FBT001 (parametrised)
    ) -> None:
        damage = Damage(ledger=ledger, versions=(TWO.digest,))
        scenario = start_scenario(tmp_path, damage, read_only=read_only)
        assert scenario.updates.active_digest == ONE.digest
        assert "model.fallback" in scenario.held_conditions

    def test_the_factory_model_runs_if_all_versions_are_damaged_and_that_is_reported(
        self,
        tmp_path: Path,
        ledger: bool,  # noqa: FBT001 (parametrised)
        read_only: bool,  # noqa: FBT001 (parametrised)
    ) -> None:
        damage = Damage(ledger=ledger, versions=(ONE.digest, TWO.digest))
        scenario = start_scenario(tmp_path, damage, read_only=read_only)
        assert scenario.updates.active_digest == FACTORY
        assert "model.fallback" in scenario.held_conditions


def test_a_disk_that_cannot_even_be_read_is_reported_as_a_fallback(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path)
    device = StoreDevice(scenario.disk, {"one": ONE})
    device.start()
    device.install("one")
    scenario.disk_fails = True
    scenario.start()
    assert scenario.updates.active_digest == FACTORY
    assert scenario.held_conditions == {"model.fallback", "update"}
    scenario.disk_fails = False
    scenario.run(6)
    assert scenario.updates.active_digest == ONE.digest
    assert not scenario.held_conditions


def test_a_disk_that_can_be_written_again_has_its_ledger_rebuilt(tmp_path: Path) -> None:
    scenario = start_scenario(tmp_path, Damage(), read_only=True)
    assert "cannot be used" in scenario.execute(request()).error
    scenario.is_read_only = False
    scenario.run(6)
    assert not scenario.held_conditions
    ledger = scenario.store.read_ledger()
    assert (ledger.current, ledger.previous) == (TWO.digest, ONE.digest)
    assert scenario.updates.active_digest == TWO.digest
