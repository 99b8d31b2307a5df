"""Machines that the system tests share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from system.bases import Base
from system.hosts import Hierarchy, Host, missing
from system.networks import Network

MakeHost = Callable[..., Host]

_HERE = Path(__file__).parent
_TEST_S = 900
"""The first test of a release may have to make its file system."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They take longer than other tests, and those that share machines stay together where tests run side by side."""
    for item in items:
        if _HERE not in item.path.parents:
            continue
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_TEST_S))
        item.add_marker(pytest.mark.xdist_group(_machines(item)))


def _machines(item: pytest.Item) -> str:
    """Those that a test has: a whole fleet, or those of its file and release."""
    if _HERE / "fleet" in item.path.parents:
        return "fleet"
    parameters = (
        item.callspec.params
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        else {}
    )
    return f"{item.path.stem}-{parameters.get('release', '')}"


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """A network for machines; what asks for it is skipped where none can be booted."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with Network() as network:
        yield network


@pytest.fixture(scope="module")
def boot(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeHost]:
    """Boots machines that last as long as the module: `boot("pi1", "bookworm")`."""
    with ExitStack() as hosts:

        def boot(name: str, release: str, *, hierarchy: Hierarchy = "unified") -> Host:
            folder = tmp_path_factory.mktemp(name)
            host = Host(name, Base(release), network, folder, hierarchy=hierarchy)
            return hosts.enter_context(host)

        yield boot
