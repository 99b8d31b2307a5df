"""A driver's settings can be read without the driver."""

import pytest

from edged.registry import (
    CAMERA_SETTINGS,
    CAMERAS,
    PUBLISHER_SETTINGS,
    PUBLISHERS,
    load_driver,
)


@pytest.mark.parametrize("name", CAMERAS)
def test_a_camera_has_the_settings_that_the_registry_names(name: str) -> None:
    assert load_driver(CAMERA_SETTINGS, name) is load_driver(CAMERAS, name).Settings


@pytest.mark.parametrize("name", PUBLISHERS)
def test_a_publisher_has_the_settings_that_the_registry_names(name: str) -> None:
    assert load_driver(PUBLISHER_SETTINGS, name) is load_driver(PUBLISHERS, name).Settings


def test_there_are_settings_of_every_driver_and_of_no_other() -> None:
    assert CAMERA_SETTINGS.keys() == CAMERAS.keys()
    assert PUBLISHER_SETTINGS.keys() == PUBLISHERS.keys()
