"""A machine of each release."""

import pytest

from system.conftest import BootMachine
from system.package.device import PackagedDevice


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def release(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def device(release: str, boot: BootMachine) -> PackagedDevice:
    """A blank one; what a test of a module leaves on it the next one finds."""
    return PackagedDevice(boot(f"{release}1", release))
