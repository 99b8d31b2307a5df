"""A machine of each release."""

import pytest

from system.conftest import MakeHost
from system.package.device import Device


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def release(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def device(release: str, boot: MakeHost) -> Device:
    """A blank one; what a test of a module leaves on it the next one finds."""
    return Device(boot(f"{release}1", release))
