"""Machines that the system tests share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from system.debian_images import DebianImage
from system.machines import Hierarchy, Machine, missing_requirement
from system.networks import Network

BootMachine = Callable[..., Machine]

_TEST_S = 900
"""The first test of a release may have to make its file system."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the system tests more time than other tests have."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_TEST_S))


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """Yield a network for machines, or skip the test where no machine can be booted."""
    reason = missing_requirement()
    if reason:
        pytest.skip(reason)
    with Network() as network:
        yield network


@pytest.fixture(scope="module")
def boot(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BootMachine]:
    """Yield a function that boots machines for the time of the module: `boot("pi1", "bookworm")`."""
    with ExitStack() as hosts:

        def boot(name: str, release: str, *, hierarchy: Hierarchy = "unified") -> Machine:
            folder = tmp_path_factory.mktemp(name)
            host = Machine(name, DebianImage(release), network, folder, hierarchy=hierarchy)
            return hosts.enter_context(host)

        yield boot
