"""The fleet, made once for all tests of this folder."""

from collections.abc import Iterator

import pytest

from system.fleet import controller
from system.fleet.blank_fleet import booted_fleet
from system.fleet.controller import PlaybookRun
from system.fleet.fleet import MachineFleet
from system.networks import Network


@pytest.fixture(scope="session")
def blank_fleet(
    network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MachineFleet]:
    """Yield hosts without edged."""
    reason = controller.missing_requirement()
    if reason:
        pytest.skip(reason)
    with booted_fleet(network, tmp_path_factory.mktemp("f")) as fleet:
        yield fleet


@pytest.fixture(scope="session")
def dry_run(blank_fleet: MachineFleet) -> PlaybookRun:
    """Return what the playbook would change, from a dry run."""
    played = blank_fleet.controller.play("site", "--check", "--diff")
    for device in blank_fleet.devices.values():
        assert device.run("dpkg", "--status", "edged", check=False).returncode
    return played


@pytest.fixture(scope="session")
def first_run(blank_fleet: MachineFleet, dry_run: PlaybookRun) -> PlaybookRun:
    """Run the playbook that makes a fleet of the hosts."""
    assert not dry_run.exit_code
    return blank_fleet.controller.play("site", "--diff")


@pytest.fixture(scope="session")
def fleet(blank_fleet: MachineFleet, first_run: PlaybookRun) -> Iterator[MachineFleet]:
    """Yield the running fleet, whose messages are recorded."""
    assert not first_run.exit_code
    with blank_fleet.listener:
        yield blank_fleet
