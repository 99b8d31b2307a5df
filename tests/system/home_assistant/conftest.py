"""Home Assistant, in each of its versions."""

import pytest

from system.home_assistant.installation import RELEASES, HomeAssistant, install_or_skip
from system.machines import missing_requirement

_INSTALL_S = 1800
"""The first test of a version installs it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests the time that an installation takes."""
    for item in items:
        if "installation" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(_INSTALL_S))


@pytest.fixture(scope="session", params=RELEASES)
def installation(request: pytest.FixtureRequest) -> HomeAssistant:
    """Return an installation of Home Assistant, or skip the test where there can be none."""
    reason = missing_requirement()
    if reason:
        pytest.skip(reason)
    return install_or_skip(request.param)
