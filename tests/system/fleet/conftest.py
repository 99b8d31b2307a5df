"""The fleet, made once for all tests of this folder."""

from collections.abc import Iterator

import pytest

from system.fleet import controller
from system.fleet.controller import Played
from system.fleet.fleet import Fleet
from system.fleet.founding import founded
from system.networks import Network


@pytest.fixture(scope="session")
def blank(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Hosts that have nothing of edged."""
    reason = controller.missing()
    if reason:
        pytest.skip(reason)
    with founded(network, tmp_path_factory.mktemp("f")) as fleet:
        yield fleet


@pytest.fixture(scope="session")
def dry_run(blank: Fleet) -> Played:
    """What the playbook would do to them; nothing is done."""
    played = blank.controller.play("site", "--check", "--diff")
    for device in blank.devices.values():
        assert device.run("dpkg", "--status", "edged", check=False).returncode
    return played


@pytest.fixture(scope="session")
def first_run(blank: Fleet, dry_run: Played) -> Played:
    """The playbook that makes a fleet of them."""
    assert not dry_run.code
    return blank.controller.play("site", "--diff")


@pytest.fixture(scope="session")
def fleet(blank: Fleet, first_run: Played) -> Iterator[Fleet]:
    """It runs, and what it says is heard."""
    assert not first_run.code
    with blank.listener:
        yield blank
