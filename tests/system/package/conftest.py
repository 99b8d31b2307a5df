"""A machine of each release for the package tests."""

import pytest

from system.conftest import BootMachine
from system.package.device import PackagedDevice


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def release(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def device(release: str, boot: BootMachine) -> PackagedDevice:
    """Yield a blank machine, on which the tests of a module run one after the other."""
    return PackagedDevice(boot(f"{release}1", release))
